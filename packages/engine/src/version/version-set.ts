/**
 * The one door for durable state: `apply(edit)` appends the edit to the manifest, makes it durable, and installs the new
 * Version. Owned by the main thread; edits are applied one after the other.
 *
 * A manifest write that fails has an unknown outcome: the edit may be found by a reopen or not. So neither the inputs nor
 * the outputs of the edit may be deleted; one new manifest with the full state is tried; if that fails too, nothing
 * durable changes any more until the store is opened again.
 */
import { join } from 'node:path'
import {
  ClosedError,
  ManifestWriter,
  allDone,
  fileNumber,
  installCurrent,
  manifestFileName,
  prepareCurrent,
  sequenceNumber,
  type Env,
  type FileNumber,
  type VarveError,
  type VersionEdit,
  toVarveError,
} from '@varve/storage'
import type { TableHandle } from './table-handle.ts'
import type { Version } from './version.ts'

/** A manifest is replaced by one with the full state when it has grown to this and to twice what it began with. */
export const MANIFEST_ROTATION_SIZE_BYTES: number = 1024 * 1024

export interface VersionSetState {
  readonly version: Version
  readonly nextFileNumber: number
  readonly logNumber: FileNumber
  readonly lastSequence: number
}

export interface VersionSetHooks {
  /** No Version names these tables any more. */
  onObsoleteTables(tables: TableHandle[]): void
  /** A manifest has been replaced; its file is no longer needed. */
  onObsoleteManifest(number: FileNumber, closed: Promise<void>): void
  /** The manifest could not be written; one that takes its place is tried. */
  onRetry(error: VarveError): void
  /** Durable state cannot be changed any more. */
  onFailure(error: VarveError): void
}

export class VersionSet {
  readonly #env: Env
  readonly #directory: string
  readonly #rotationSizeBytes: number
  readonly #hooks: VersionSetHooks
  #current: Version
  #nextFileNumber: number
  #logNumber: FileNumber
  #lastSequence: number
  #manifest: ManifestWriter | undefined
  #fullStateSizeBytes = 0
  /** Manifests that were begun: if one could not be finished, it goes when another is in force. */
  readonly #unfinished: FileNumber[] = []
  #failure: VarveError | undefined
  /** The edit being applied and those behind it. */
  #tail: Promise<void> = Promise.resolve()
  /** The current Version and those that readers hold. */
  readonly #held = new Set<Version>()

  constructor(env: Env, directory: string, state: VersionSetState, rotationSizeBytes: number, hooks: VersionSetHooks) {
    this.#env = env
    this.#directory = directory
    this.#rotationSizeBytes = rotationSizeBytes
    this.#hooks = hooks
    this.#current = state.version
    this.#retain(this.#current)
    this.#nextFileNumber = state.nextFileNumber
    this.#logNumber = state.logNumber
    this.#lastSequence = state.lastSequence
  }

  get current(): Version {
    return this.#current
  }

  /** Of the manifest in force: all up to here is in tables or was never acknowledged. */
  get lastSequence(): number {
    return this.#lastSequence
  }

  get nextFileNumber(): number {
    return this.#nextFileNumber
  }

  get logNumber(): FileNumber {
    return this.#logNumber
  }

  get manifestSizeBytes(): number {
    return this.#manifest?.sizeBytes ?? 0
  }

  /** An edit may or may not be durable: nobody can tell before the next open. */
  get isInDoubt(): boolean {
    return this.#failure !== undefined
  }

  get manifestNumber(): FileNumber | undefined {
    return this.#manifest?.number
  }

  /** Draws `count` file numbers, which nobody else gets, and returns the first. */
  takeFileNumbers(count: number): number {
    const first = this.#nextFileNumber
    this.#nextFileNumber += count
    return first
  }

  /**
   * Makes an edit durable and then installs its Version. `onInstalled` runs in the same step as the installation, so that
   * a memtable leaves exactly when its tables come.
   */
  apply(edit: VersionEdit, onInstalled?: () => void): Promise<void> {
    const applied = this.#tail.then(() => this.#apply(edit, onInstalled))
    this.#tail = applied.catch(() => undefined)
    return applied
  }

  /** Runs `look` while no edit is being applied and none is let through. */
  async whileUnchanged<T>(look: () => Promise<T>): Promise<T> {
    const looked = this.#tail.then(look)
    this.#tail = looked.then(
      () => undefined,
      () => undefined,
    )
    return await looked
  }

  /** Numbers of the tables whose files must stay. */
  heldTableNumbers(): Set<number> {
    return new Set(
      [...this.#held].flatMap((version) => version.levels.flat()).map((table): number => table.metadata.number),
    )
  }

  /**
   * Begins a new manifest with the state that was found and one edit more. Nothing that was found is appended to.
   * @param needed what else is being made durable; the manifest is in force only when all of it has come to be
   */
  async begin(edit: VersionEdit, needed: readonly Promise<void>[]): Promise<void> {
    const next = this.#current.apply(edit)
    next.checkInvariants()
    this.#logNumber = edit.logNumber ?? this.#logNumber
    this.#lastSequence = edit.lastSequence ?? this.#lastSequence
    await this.#writeFullState(next, edit, needed)
    this.#install(next)
  }

  /** Writes a new manifest with the full state, and makes it the current one. */
  async #writeFullState(version: Version, edit: VersionEdit, needed: readonly Promise<void>[] = []): Promise<void> {
    const before = this.#manifest
    const number = fileNumber(this.takeFileNumbers(1))
    const path = join(this.#directory, manifestFileName(number))
    this.#unfinished.push(number)
    const { files } = this.#env
    const making = ManifestWriter.create(files, path, number, this.#fullState(version, edit))
    try {
      // Each of these waits for the disk, and none for another.
      await allDone<unknown>([making, prepareCurrent(files, this.#directory, number), ...needed])
      await files.syncDirectory(this.#directory)
      await installCurrent(files, this.#directory)
    } catch (error) {
      await Promise.allSettled([making.then((made) => made.close())])
      throw error
    }
    const manifest = await making
    this.#manifest = manifest
    this.#fullStateSizeBytes = manifest.sizeBytes
    for (const abandoned of this.#unfinished.splice(0)) {
      if (abandoned !== number) {
        this.#hooks.onObsoleteManifest(abandoned, Promise.resolve())
      }
    }
    if (before !== undefined) {
      // The new manifest is in force whatever becomes of the old one's descriptor.
      this.#hooks.onObsoleteManifest(before.number, before.close())
    }
  }

  /** Waits for the edits under way and closes the manifest. */
  async close(): Promise<void> {
    await this.#tail
    this.#failure ??= new ClosedError('the manifest is closed')
    const manifest = this.#manifest
    this.#manifest = undefined
    await manifest?.close()
  }

  /** The current Version, held until `release`. */
  retainCurrent(): Version {
    this.#retain(this.#current)
    return this.#current
  }

  release(version: Version): void {
    const obsolete = version.release()
    if (!version.isHeld) {
      this.#held.delete(version)
    }
    if (obsolete.length > 0) {
      this.#hooks.onObsoleteTables(obsolete)
    }
  }

  async #apply(edit: VersionEdit, onInstalled: (() => void) | undefined): Promise<void> {
    if (this.#failure !== undefined) {
      throw this.#failure
    }
    const next = this.#current.apply(edit)
    next.checkInvariants()
    const scalarsBefore = { logNumber: this.#logNumber, lastSequence: this.#lastSequence }
    this.#logNumber = edit.logNumber ?? this.#logNumber
    this.#lastSequence = edit.lastSequence ?? this.#lastSequence
    try {
      await this.#makeDurable(edit, next)
    } catch (error) {
      this.#logNumber = scalarsBefore.logNumber
      this.#lastSequence = scalarsBefore.lastSequence
      this.#failure = toVarveError(error)
      this.#hooks.onFailure(this.#failure)
      throw this.#failure
    }
    this.#install(next, onInstalled)
  }

  #install(next: Version, onInstalled?: () => void): void {
    const before = this.#current
    this.#retain(next)
    this.#current = next
    onInstalled?.()
    this.release(before)
  }

  #retain(version: Version): void {
    version.retain()
    this.#held.add(version)
  }

  async #makeDurable(edit: VersionEdit, next: Version): Promise<void> {
    const manifest = this.#manifest
    const isFull = this.manifestSizeBytes > Math.max(this.#rotationSizeBytes, 2 * this.#fullStateSizeBytes)
    if (manifest !== undefined) {
      try {
        await (isFull
          ? this.#writeFullState(next, edit)
          : manifest.append({ ...edit, nextFileNumber: this.#nextFileNumber }))
        return
      } catch (error) {
        // The outcome is unknown. The new manifest below decides it, by holding the edit.
        this.#hooks.onRetry(toVarveError(error))
      }
    }
    await this.#writeFullState(next, edit)
  }

  /** Marks of a clean close hold until the next edit: only those of the newest one go along. */
  #fullState(version: Version, edit: VersionEdit): VersionEdit {
    return {
      logNumber: this.#logNumber,
      nextFileNumber: this.#nextFileNumber,
      lastSequence: sequenceNumber(this.#lastSequence),
      added: version.toAdded(),
      closedWals: edit.closedWals ?? [],
    }
  }
}
