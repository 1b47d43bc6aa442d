/** A checkpoint is a store of its own that holds what was written up to one sequence number, and nothing beyond. */
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { createNodeEnv } from '@varve/storage'
import type { Env, File, FileSystem, OpenMode } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import type { JobExecutor, JobRequest, JobResult } from '@varve/workers'
import { destroy, open } from 'varve'
import type { CheckpointProgress, Operation, Store } from 'varve'
import { contentsOf, fill } from '../harness/contents.ts'
import type { ExecutorKind } from '../harness/executors.ts'
import { ledgerFaults, readLedger } from '../harness/ledger.ts'
import { SeededRandom } from '../harness/random.ts'
import { makeScratchDirectory, scratchStorePath } from '../harness/scratch-directory.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'
import { openWith, soundContents } from './checkpointed-store.ts'

/** Writes without end, and knows what the store holds after each of its writes: the i-th has sequence number i. */
class RandomWriter {
  readonly operations: Operation[] = []
  acknowledgedCount = 0
  readonly #store: Store
  readonly #random: SeededRandom
  #isStopped = false

  constructor(store: Store, random: SeededRandom) {
    this.#store = store
    this.#random = random
  }

  async run(): Promise<void> {
    while (!this.#isStopped) {
      const batches = Array.from({ length: this.#random.between(1, 40) }, () => this.#write())
      await Promise.all(batches)
      this.acknowledgedCount = this.operations.length
      await new Promise((resolve) => setTimeout(resolve, this.#random.below(3)))
    }
  }

  stop(): void {
    this.#isStopped = true
  }

  contentsAt(sequence: number): [string, string][] {
    const model = new Map<string, string>()
    for (const operation of this.operations.slice(0, sequence)) {
      if (operation.type === 'put') {
        model.set(String(operation.key), String(operation.value))
      } else {
        model.delete(String(operation.key))
      }
    }
    return [...model].toSorted(([a], [b]) => (a < b ? -1 : 1))
  }

  #write(): Promise<void> {
    const batch = Array.from({ length: this.#random.chance(0.8) ? 1 : this.#random.between(2, 30) }, () =>
      this.#operation(),
    )
    this.operations.push(...batch)
    return this.#store.write(batch)
  }

  #operation(): Operation {
    const key = `key-${this.#random.below(3000)}`
    const number = this.operations.length
    return this.#random.chance(0.2)
      ? { type: 'delete', key }
      : { type: 'put', key, value: `${number}`.padEnd(this.#random.between(1, 200)) }
  }
}

describe.each<ExecutorKind>(['pool', 'inline'])('while others write: %s', (kind) => {
  test('it holds the writes up to its sequence number, and none beyond', async () => {
    const seed = seedsOfRun(4).at(-1) ?? 0
    await replayable(seed, 'test/behaviour/checkpoint.test.ts', async () => {
      const parent = makeScratchDirectory('checkpoint')
      const store = await openWith(path.join(parent, 'store'), kind)
      const writer = new RandomWriter(store, new SeededRandom(seed))
      const written = writer.run()
      const checkpoints: { readonly copy: string; readonly sequence: number }[] = []
      for (let round = 0; round < 8; round++) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        const compacted = round % 3 === 0 ? store.compactRange() : undefined
        const acknowledgedCount = writer.acknowledgedCount
        const copy = path.join(parent, `copy-${round}`)
        const { sequence, tableCount } = await store.checkpoint(copy)
        expect(sequence).toBeGreaterThanOrEqual(acknowledgedCount)
        expect(sequence).toBeLessThanOrEqual(writer.operations.length)
        expect(readLedger(copy)).toMatchObject({ wals: [], other: ['CURRENT', 'LOCK'] })
        expect(readLedger(copy).tables).toHaveLength(tableCount)
        checkpoints.push({ copy, sequence })
        await compacted
      }
      writer.stop()
      await written
      expect(store.stats().sequence).toBe(writer.operations.length)
      expect((await store.verify()).findings).toEqual([])
      await store.close()
      checkpoints.push({ copy: store.directory, sequence: Infinity })
      for (const { copy, sequence } of checkpoints) {
        expect(await soundContents(copy), copy).toEqual(writer.contentsAt(sequence))
      }
    })
  }, 60_000)
})

test('a memtable whose tables come in the next step is not in it', async () => {
  const parent = makeScratchDirectory('checkpoint')
  const executor = new PairingExecutor()
  const store = await open(path.join(parent, 'store'), {}, { executor, env: envWithInstantManifests() })
  await store.put('a', 'before')
  const checkpoint = store.checkpoint(path.join(parent, 'copy'))
  await executor.firstDone
  await store.put('b', 'behind')
  const flushed = store.flush()
  expect(await checkpoint).toMatchObject({ sequence: 1, tableCount: 1 })
  await flushed
  expect(store.stats().levels[0]?.tableCount).toBe(2)
  await store.close()
  expect(await soundContents(path.join(parent, 'copy'))).toEqual([['a', 'before']])
})

/** The first job's result comes together with the second one's, when the logs behind them have long been made. */
class PairingExecutor implements JobExecutor {
  readonly compactionCountMax: number = 1
  readonly firstDone: Promise<void>
  readonly #inner: JobExecutor = createInlineExecutor(createNodeEnv())
  readonly #later: Promise<void>
  readonly #done: (() => void)[] = []

  constructor() {
    this.firstDone = new Promise((resolve) => this.#done.push(resolve))
    const bothDone = new Promise<void>((resolve) => this.#done.push(resolve))
    this.#later = bothDone.then(async () => await new Promise((resolve) => setTimeout(resolve, 100)))
  }

  async run(request: JobRequest): Promise<JobResult> {
    const result = await this.#inner.run(request)
    this.#done.shift()?.()
    await this.#later
    return result
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }
}

/** Edits are durable at once, so that no turn of the event loop lies between two of them. */
function envWithInstantManifests(): Env {
  const env = createNodeEnv()
  const { files } = env
  const openFile = async (name: string, mode: OpenMode): Promise<File> => {
    const file = files.openSync(name, mode)
    const instant: Pick<File, 'write' | 'dataSync'> = {
      write: (...call) => Promise.resolve(file.writeSync(...call)),
      dataSync: () => Promise.resolve(),
    }
    return path.basename(name).startsWith('MANIFEST') ? Object.assign(file, instant) : file
  }
  return { ...env, files: Object.assign(Object.create(files) as FileSystem, { open: openFile }) }
}

describe('a store of its own', () => {
  test('it shares its tables until either side lets go, and outlives the original', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const store = await openWith(path.join(parent, 'store'), 'inline', {})
    const entries = await fill(store, 1500)
    const copy = path.join(parent, 'copy')
    const progress: CheckpointProgress[] = []
    const report = await store.checkpoint(copy, { onProgress: (next) => progress.push(next) })
    expect(report).toMatchObject({ sequence: 1500, copiedTableCount: 0 })
    expect(progress).toHaveLength(report.tableCount)
    const { tableCount, sizeBytes } = report
    expect(progress.at(-1)).toEqual({ tableCount, doneTableCount: tableCount, sizeBytes, doneSizeBytes: sizeBytes })
    for (const name of readLedger(copy).tables) {
      expect(fs.statSync(path.join(copy, name)).ino).toBe(fs.statSync(path.join(store.directory, name)).ino)
    }
    await store.close()
    await destroy(store.directory)
    expect(await soundContents(copy)).toEqual(entries)
  })

  test('both are written and compacted side by side', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const store = await openWith(path.join(parent, 'store'), 'pool')
    const entries = await fill(store, 1500)
    await store.checkpoint(path.join(parent, 'copy'))
    const copy = await openWith(path.join(parent, 'copy'), 'pool')
    expect(copy.stats().sequence).toBe(1500)
    await Promise.all([store.clear(), fill(copy, 700, 50, 'more')])
    await Promise.all([store.compactRange(), copy.compactRange()])
    expect(await contentsOf(store)).toEqual([])
    expect((await contentsOf(copy)).filter(([key]) => key.startsWith('key'))).toEqual(entries)
    for (const each of [store, copy]) {
      expect((await each.verify()).findings).toEqual([])
      await each.close()
      expect(await ledgerFaults(each.directory)).toEqual([])
    }
  })

  test('a checkpoint of a checkpoint, and of an empty store', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const store = await openWith(path.join(parent, 'store'))
    expect(await store.checkpoint(path.join(parent, 'empty'))).toMatchObject({ sequence: 0, tableCount: 0 })
    const entries = await fill(store, 500)
    await store.checkpoint(path.join(parent, 'first'))
    await store.close()
    const first = await openWith(path.join(parent, 'first'))
    const { sequence } = await first.checkpoint(path.join(parent, 'deep', 'down', 'second'))
    expect(sequence).toBe(500)
    await first.close()
    expect(await soundContents(path.join(parent, 'deep', 'down', 'second'))).toEqual(entries)
    expect(await soundContents(path.join(parent, 'empty'))).toEqual([])
  })

  test('R7: what a crash of its first open leaves is no log that counts', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const store = await openWith(path.join(parent, 'store'))
    const entries = await fill(store, 500)
    await store.checkpoint(path.join(parent, 'whole'))
    await store.close()
    // The log is made first; the manifest that would name it never was.
    const probe = await openWith(scratchStorePath('checkpoint'))
    await probe.close()
    const [wal = ''] = readLedger(probe.directory).wals
    const image = fs.readFileSync(path.join(probe.directory, wal))
    for (const sizeBytes of [0, 10, image.length]) {
      const directory = path.join(parent, `log-${sizeBytes}`)
      fs.cpSync(path.join(parent, 'whole'), directory, { recursive: true })
      fs.writeFileSync(path.join(directory, wal), image.subarray(0, sizeBytes))
      expect(await soundContents(directory)).toEqual(entries)
    }
  })

  test('snapshots and iterators of the original go on', async () => {
    const store = await openWith(scratchStorePath('checkpoint'))
    const entries = await fill(store, 300)
    const iterator = store.iterator()
    await iterator.next()
    await store.clear()
    await store.checkpoint(`${store.directory}-copy`)
    expect((await iterator.nextMany(1000)).map(([key]) => key.toString('latin1'))).toEqual(
      entries.slice(1).map(([key]) => key),
    )
    await store.close()
    expect(await soundContents(`${store.directory}-copy`)).toEqual([])
  })
})
