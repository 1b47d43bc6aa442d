/**
 * A process that fills its disk with a store, makes room again, and checks what the store did meanwhile. Its lines:
 *
 *     full WAL_FAULTS TABLE_FAULTS    nothing is acknowledged any more; faults told until then, by kind of file
 *     readable                        all that was acknowledged is read, and a compaction is refused
 *     healed RECOVERIES REJECTED      there is room, and writes go on; recovery events, and writes that were rejected
 *     sealed                          instead of that: the manifest met the full disk, and the store is read-only for good
 *     closed                          everything is there, and is again after a reopen and a compaction
 *     error TEXT                      something that must not happen
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { IoError, VarveError, open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import type { FullDiskPlan } from '../full-disk-plan.ts'
import { ledgerFaults } from '../ledger.ts'
import { SeededRandom } from '../random.ts'
import { report, runAsChild } from '../report.ts'

const KIB = 1024
const OPTIONS: StoreOptions = {
  memtableSizeBytes: 256 * KIB,
  tableSizeBytes: 1024 * KIB,
  levelZeroTableCountTrigger: 2,
  levelZeroTableCountMax: 6,
  levelOneSizeBytes: 256 * KIB,
  levelSizeRatio: 2,
  // What is written is to take room.
  compression: 'none',
}
const WRITER_COUNT = 8
/** Jobs and logs are tried again after at most ten seconds, so silence does not mean that nothing will ever go on. */
const SILENCE_MS = 2500
const HEAL_MS_MAX = 60_000
const SPACE_CODES = new Set(['ENOSPC', 'EFBIG', 'EDQUOT'])
const REFUSALS = new Set(['VARVE_IO', 'VARVE_READ_ONLY', 'VARVE_BUSY'])

class FullDisk {
  readonly #plan: FullDiskPlan
  readonly #random: SeededRandom
  readonly #store: Store
  readonly #acknowledged = new Map<string, number>()
  readonly #rejected = new Map<string, number>()
  readonly #faults = { wal: 0, table: 0 }
  #nextKey = 0
  #recoveryCount = 0
  #acknowledgedAtMs: number = performance.now()
  #lastRefusal: VarveError | undefined
  #isSealed = false
  #isStopping = false

  constructor(plan: FullDiskPlan, store: Store) {
    this.#plan = plan
    this.#store = store
    this.#random = new SeededRandom(plan.seed)
    store.on('recovery', () => this.#recoveryCount++)
    store.on('error', (error) => this.#onError(error))
  }

  async run(): Promise<void> {
    const writers = Array.from({ length: WRITER_COUNT }, () => this.#write())
    await Promise.race([Promise.all(writers), this.#untilSilent()])
    report(`full ${this.#faults.wal} ${this.#faults.table}`)
    await this.#check(this.#store)
    await this.#compactInVain()
    report('readable')
    this.#makeRoom()
    const isHealed = await this.#untilHealed()
    this.#isStopping = true
    await Promise.all(writers)
    report(isHealed ? `healed ${this.#recoveryCount} ${this.#rejected.size}` : 'sealed')
    await this.#check(this.#store)
    await this.#store.close()
    const again = await open(this.#plan.directory, optionsOf(this.#plan))
    await this.#check(again)
    await again.compactRange()
    await this.#check(again)
    await again.close()
    const faults = await ledgerFaults(this.#plan.directory)
    if (faults.length > 0) {
      throw new Error(`R10: ${faults.join('; ')}`)
    }
    report('closed')
  }

  async #write(): Promise<void> {
    while (!this.#isStopping) {
      const index = this.#nextKey++
      const sizeBytes = this.#random.between(100, 6000)
      const key = keyAt(index)
      try {
        await this.#store.put(key, valueAt(index, sizeBytes), { sync: this.#random.chance(0.1) })
        this.#acknowledged.set(key, sizeBytes)
        this.#acknowledgedAtMs = performance.now()
      } catch (error) {
        if (!(error instanceof VarveError) || !REFUSALS.has(error.code)) {
          throw error
        }
        this.#rejected.set(key, sizeBytes)
        this.#lastRefusal = error
        // The outcome of a write to the manifest is unknown: then only the next open can tell.
        this.#isSealed ||= error.cause instanceof IoError && /MANIFEST-|CURRENT/.test(error.cause.path)
        await sleep(20)
      }
    }
  }

  async #untilSilent(): Promise<void> {
    // A busy machine is silent as well.
    while (this.#faults[this.#plan.fault] === 0 || performance.now() - this.#acknowledgedAtMs < SILENCE_MS) {
      await sleep(100)
    }
  }

  /** Writes are acknowledged again, new ones as well; or false if no write will be before the next open. */
  async #untilHealed(): Promise<boolean> {
    const count = this.#acknowledged.size
    const sinceMs = performance.now()
    while (this.#acknowledged.size < count + 20 * WRITER_COUNT) {
      await sleep(50)
      if (this.#isSealed) {
        return false
      }
      if (performance.now() - sinceMs > HEAL_MS_MAX) {
        throw new Error(`there is room for ${HEAL_MS_MAX / 1000} s, and still: ${String(this.#lastRefusal)}`)
      }
    }
    return true
  }

  /** R1: what was acknowledged is there. R5: what was rejected is whole or absent. */
  async #check(store: Store): Promise<void> {
    // Some may be acknowledged while this looks.
    const acknowledged = new Map(this.#acknowledged)
    for (const [key, sizeBytes] of acknowledged) {
      if ((await store.get(key))?.equals(valueOf(key, sizeBytes)) !== true) {
        throw new Error(`R1: ${key} was acknowledged, and is not there`)
      }
    }
    let count = 0
    for await (const [name, value] of store.entries({ prefix: 'key-' })) {
      const key = name.toString()
      const sizeBytes = this.#acknowledged.get(key) ?? this.#rejected.get(key)
      // One that still stalls is neither yet.
      if (sizeBytes !== undefined && !value.equals(valueOf(key, sizeBytes))) {
        throw new Error(`R5: ${key} has other bytes than were put`)
      }
      count++
    }
    if (count < acknowledged.size) {
      throw new Error(`R1: a scan finds ${count} entries of ${acknowledged.size}`)
    }
  }

  async #compactInVain(): Promise<void> {
    const outcome = await Promise.race([
      this.#store.compactRange().then(
        () => 'done',
        (error: unknown) => error,
      ),
      // It begins with a flush, which waits for room as writes do.
      sleep(1000, 'waits'),
    ])
    if (outcome !== 'waits' && !(outcome instanceof VarveError && REFUSALS.has(outcome.code))) {
      throw new Error(`a compaction on a full disk came to ${String(outcome)}`)
    }
  }

  #makeRoom(): void {
    if (this.#plan.space === 'ballast') {
      fs.rmSync(ballastOf(this.#plan))
    } else {
      execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited'])
    }
  }

  #onError(error: VarveError): void {
    const { cause } = error
    const fault = error instanceof IoError ? error : cause
    if (!(fault instanceof IoError) || !SPACE_CODES.has(fault.systemCode)) {
      report(`error event: ${String(error)} ${String(cause)}`)
      return
    }
    this.#faults.wal += fault.path.endsWith('.wal') ? 1 : 0
    this.#faults.table += fault.path.endsWith('.sst') ? 1 : 0
  }
}

function optionsOf({ frozenMemtableCountMax }: FullDiskPlan): StoreOptions {
  return { ...OPTIONS, frozenMemtableCountMax }
}

function keyAt(index: number): string {
  return `key-${String(index).padStart(7, '0')}`
}

function valueAt(index: number, sizeBytes: number): Buffer {
  return Buffer.alloc(sizeBytes, `${index};`)
}

function valueOf(key: string, sizeBytes: number): Buffer {
  return valueAt(Number(key.slice('key-'.length)), sizeBytes)
}

function ballastOf(plan: FullDiskPlan): string {
  return path.join(path.dirname(plan.directory), 'ballast')
}

runAsChild(async (plan: FullDiskPlan) => {
  if (plan.space === 'ballast') {
    fs.writeFileSync(ballastOf(plan), Buffer.alloc(plan.ballastSizeBytes, 1))
  }
  await new FullDisk(plan, await open(plan.directory, optionsOf(plan))).run()
})
