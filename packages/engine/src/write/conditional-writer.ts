/**
 * Writes that happen only if nothing they depend on was changed since a snapshot. Packs what is given, so that the caller
 * may use its buffers again, and holds the snapshot's sequence until the write has ended, whether or not the snapshot is
 * closed meanwhile: compactions keep what the check has to find.
 */
import { ConflictError, InvalidArgumentError, toVarveError, type Env } from '@varve/storage'
import type { TableCache } from '../cache/table-cache.ts'
import type { LoopGuard } from '../loop-guard.ts'
import { describe } from '../options.ts'
import type { LiveSequences } from '../read/live-sequences.ts'
import type { OwnView } from '../read/store-view.ts'
import { ConflictCheck } from './conflict-check.ts'
import { PackedOperations, type Operation } from './packed-operations.ts'
import { WriteBatch, checkBatchValues } from './write-batch.ts'
import { dependenciesOf, isSync, type Dependencies, type WriteOptions } from './write-options.ts'
import type { WritePath } from './write-path.ts'

/** The parts of the engine that it works with. */
export interface ConditionalWriterHost extends OwnView {
  readonly writes: WritePath
  readonly guard: LoopGuard
  readonly liveSequences: LiveSequences
}

export class ConditionalWriter {
  readonly env: Env
  readonly valueSizeBytesMax: number
  readonly #host: ConditionalWriterHost
  readonly #tables: TableCache
  #conflictCount = 0

  constructor(env: Env, host: ConditionalWriterHost, tables: TableCache, valueSizeBytesMax: number) {
    this.env = env
    this.valueSizeBytesMax = valueSizeBytesMax
    this.#host = host
    this.#tables = tables
  }

  /** How many writes were refused because something that they depend on was changed. */
  get conflictCount(): number {
    return this.#conflictCount
  }

  /** @param sequence of the snapshot that `options` name */
  async write(operations: readonly Operation[] | WriteBatch, sequence: number, options: WriteOptions): Promise<void> {
    const { guard } = this.#host
    try {
      const sync = isSync(options)
      const packed = this.#pack(operations)
      await this.writePacked(packed, sequence, dependenciesOf(options), sync)
    } catch (error) {
      await guard.reject(toVarveError(error))
    }
  }

  /** @param packed belongs to the write from now on */
  async writePacked(
    packed: PackedOperations,
    sequence: number,
    dependencies: Dependencies,
    sync: boolean,
  ): Promise<void> {
    const { writes, guard, liveSequences } = this.#host
    const setup = { view: this.#host, tables: this.#tables, guard, clock: this.env.clock }
    const check = new ConflictCheck(setup, sequence, packed, dependencies)
    liveSequences.hold(sequence)
    try {
      await writes.writeIf(packed, sync, check)
    } catch (error) {
      this.#conflictCount += error instanceof ConflictError ? 1 : 0
      throw error
    } finally {
      await check.close()
      liveSequences.release(sequence)
    }
  }

  #pack(operations: readonly Operation[] | WriteBatch): PackedOperations {
    if (operations instanceof WriteBatch) {
      checkBatchValues(operations, this.valueSizeBytesMax)
      return operations.packed.copy()
    }
    if (!Array.isArray(operations)) {
      throw new InvalidArgumentError(`operations must be an array or a WriteBatch, not ${describe(operations)}`)
    }
    const packed = new PackedOperations()
    packed.addAll(operations as readonly Operation[], this.valueSizeBytesMax)
    return packed
  }
}
