/**
 * R14, with a whole store on top: the threads that run its jobs exit, throw, hang, or answer what is no answer, at every
 * point of a job. What was acknowledged is there, the fault is told, and the files are those that the manifest names.
 */
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { createPoolExecutor } from '@varve/workers'
import { open } from 'varve'
import type { Store, StoreOptions, VarveError } from 'varve'
import { contentsOf, fill } from '../harness/contents.ts'
import { planJobFault, plannedJobFault } from '../harness/job-fault-plan.ts'
import type { JobFault, JobPoint } from '../harness/job-fault-plan.ts'
import { ledgerFaults, readLedger } from '../harness/ledger.ts'
import { rejection } from '../harness/rejection.ts'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import type { Hook } from '../harness/scratch-directory.ts'

const KIB = 1024
const LEVEL_ZERO_TRIGGER = 2
/** Not compressed: a flush gives one table of several blocks, and a compaction several tables. */
const OPTIONS: StoreOptions = {
  memtableSizeBytes: 64 * KIB,
  tableSizeBytes: 16 * KIB,
  levelZeroTableCountTrigger: LEVEL_ZERO_TRIGGER,
  compression: 'none',
}
/** Above the time that a thread takes to start on a busy machine. */
const HUNG_AFTER_MS = 2000
const ENTRY_COUNT = 100
/** Threads are started many times. */
const TIMEOUT_MS = 120_000
type FaultyJob = 'flush' | 'compaction'

const TYPES: readonly FaultyJob[] = ['flush', 'compaction']
const POINTS: readonly JobPoint[] = ['start', 'first-byte', 'table-synced', 'names-synced', 'answer']
/** Each hang takes its time. */
const HANG_POINTS: readonly JobPoint[] = ['start', 'first-byte', 'answer']

const WORDS: Readonly<Record<JobFault, RegExp>> = {
  exit: /its thread ended: exited with code 7|its thread ended: .*code: 7/,
  throw: /thrown at/,
  hang: /hung: its thread showed no progress for 2 s/,
  garbage: /answered what is no result of it/,
  twice: /nothing is told/,
}

function freshPath(whenFinished: Hook): string {
  return path.join(makeMemoryDirectory('worker-faults', whenFinished), 'store')
}

/** A store whose jobs run in threads that fail as planned, and what it tells. */
class FaultyStore {
  readonly directory: string
  readonly store: Store
  readonly errors: string[] = []
  readonly #doneCounts = { flush: 0, compaction: 0 }

  private constructor(directory: string, store: Store) {
    this.directory = directory
    this.store = store
    store.on('error', (error) => this.errors.push(error.message))
    store.on('flush', () => this.#doneCounts.flush++)
    store.on('compaction', () => this.#doneCounts.compaction++)
  }

  static async open(directory: string): Promise<FaultyStore> {
    const workerUrl = new URL('../harness/dist/children/faulty-job-worker.js', import.meta.url)
    const executor = createPoolExecutor({ workerCountMax: 2, workerUrl, hungAfterMs: HUNG_AFTER_MS })
    return new FaultyStore(directory, await open(directory, OPTIONS, { executor }))
  }

  /** Writes until the job that is to fail has run, and another one has done its work. */
  async provoke(type: FaultyJob, prefix: string): Promise<[string, string][]> {
    const entries: [string, string][] = []
    for (let round = 0; round === 0 || plannedJobFault(this.directory) !== undefined; round++) {
      entries.push(...(await this.#fillTable(`${prefix}-${round}`)))
    }
    const doneCount = this.#doneCounts[type]
    for (let round = 0; this.#doneCounts[type] === doneCount; round++) {
      entries.push(...(await this.#fillTable(`${prefix}-then-${round}`)))
    }
    return entries
  }

  /** Flushes what it writes, and waits for the compaction that is due then: meanwhile more writes would show no more. */
  async #fillTable(name: string): Promise<[string, string][]> {
    const entries = await this.fill(name)
    await this.store.flush()
    while ((this.store.stats().levels[0]?.tableCount ?? 0) >= LEVEL_ZERO_TRIGGER) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return entries
  }

  /** Keys from one end to the other: tables that do not overlap would be moved, without any job. */
  async fill(name: string): Promise<[string, string][]> {
    const edges: [string, string][] = [`!${name}`, `~${name}`].map((key) => [key, name])
    for (const [key, value] of edges) {
      await this.store.put(key, value)
    }
    return [...(await fill(this.store, ENTRY_COUNT, 100, name)), ...edges]
  }

  async whenReadOnly(): Promise<VarveError> {
    for (;;) {
      try {
        await this.store.put('one more', 'value')
        await new Promise((resolve) => setTimeout(resolve, 20))
      } catch (error) {
        return error as VarveError
      }
    }
  }
}

/** What a store with threads that work finds: all of this, in files that are all known. */
async function expectWhole(directory: string, entries: readonly [string, string][]): Promise<void> {
  planJobFault(directory, undefined)
  const store = await open(directory, OPTIONS)
  const contents = (await contentsOf(store)).filter(([key]) => key !== 'one more')
  expect(contents).toEqual(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  await store.compactRange()
  await store.close()
  expect(await ledgerFaults(directory), 'R10').toEqual([])
}

// Tests that mostly wait, for threads to start and to count as hung, do so together: each has threads of its own.
describe.concurrent.each(TYPES)('once, in a %s', { timeout: TIMEOUT_MS }, (type) => {
  for (const fault of ['exit', 'throw', 'hang', 'garbage'] as const) {
    test(`${fault}: the job is done again, at any point of it`, async ({ onTestFinished }) => {
      const directory = freshPath(onTestFinished)
      const faulty = await FaultyStore.open(directory)
      const entries: [string, string][] = []
      for (const point of fault === 'hang' ? HANG_POINTS : POINTS) {
        planJobFault(directory, { type, point, fault, count: 1 })
        const toldCount = faulty.errors.length
        entries.push(...(await faulty.provoke(type, point)))
        const told = faulty.errors.slice(toldCount)
        expect(told.length, `an event at ${point}`).toBeGreaterThan(0)
        expect(told.join('\n')).toMatch(WORDS[fault])
        expect((await contentsOf(faulty.store)).length).toBe(entries.length)
      }
      await faulty.store.close()
      expect(await ledgerFaults(directory), 'R10').toEqual([])
      await expectWhole(directory, entries)
    })
  }

  for (const [fault, point] of [
    ['exit', 'answered'],
    ['throw', 'answered'],
    ['twice', 'answer'],
  ] as const) {
    test(`${fault} at ${point}: what was answered counts`, async ({ onTestFinished }) => {
      const directory = freshPath(onTestFinished)
      const faulty = await FaultyStore.open(directory)
      const entries: [string, string][] = []
      for (const round of ['one', 'two']) {
        planJobFault(directory, { type, point, fault, count: 2 })
        entries.push(...(await faulty.provoke(type, round)))
      }
      await faulty.store.close()
      expect(await ledgerFaults(directory), 'R10').toEqual([])
      await expectWhole(directory, entries)
    })
  }
})

describe.concurrent('again and again', { timeout: TIMEOUT_MS }, () => {
  for (const type of TYPES) {
    for (const fault of type === 'flush' ? (['exit', 'garbage', 'hang'] as const) : (['exit', 'garbage'] as const)) {
      test(`${fault} in each ${type}: read-only after three tries, and nothing is lost`, async ({ onTestFinished }) => {
        const directory = freshPath(onTestFinished)
        const faulty = await FaultyStore.open(directory)
        const before = await faulty.provoke(type, 'before')
        planJobFault(directory, { type, point: 'first-byte', fault, count: 1000 })
        const after = await faulty.fill('after')
        const flushed = faulty.store.flush().catch((error: unknown) => error)
        const refused = await faulty.whenReadOnly()
        expect(refused).toMatchObject({ code: 'VARVE_READ_ONLY', cause: { code: 'VARVE_INTERNAL' } })
        expect((refused.cause as Error).message).toMatch(WORDS[fault])
        if (type === 'flush') {
          expect(await flushed).toMatchObject({ code: 'VARVE_INTERNAL' })
        }
        expect((await faulty.store.get(after[7]?.[0] ?? ''))?.toString('latin1')).toBe(after[7]?.[1])
        await faulty.store.close()
        // The logs of what could not be flushed stay.
        expect(readLedger(directory).wals.length).toBeGreaterThanOrEqual(type === 'flush' ? 1 : 0)
        await expectWhole(directory, [...before, ...after])
      })
    }
  }
})

describe.concurrent('while a store opens', () => {
  /** A directory whose log has to be replayed, as after a crash. */
  async function withReplay(onTestFinished: Hook): Promise<{ directory: string; entries: [string, string][] }> {
    const original = freshPath(onTestFinished)
    const store = await open(original, OPTIONS)
    const entries = await fill(store, ENTRY_COUNT)
    const directory = freshPath(onTestFinished)
    fs.cpSync(original, directory, { recursive: true })
    await store.close()
    return { directory, entries }
  }

  for (const fault of ['exit', 'throw', 'hang', 'garbage'] as const) {
    test(`${fault} once: it opens nevertheless`, async ({ onTestFinished }) => {
      const { directory, entries } = await withReplay(onTestFinished)
      planJobFault(directory, { type: 'flush', point: 'table-synced', fault, count: 1 })
      const faulty = await FaultyStore.open(directory)
      expect(await contentsOf(faulty.store)).toEqual(entries)
      await faulty.store.close()
      expect(await ledgerFaults(directory), 'R10').toEqual([])
    })
  }

  test('each time: it fails cleanly, and the next open finds everything', async ({ onTestFinished }) => {
    const { directory, entries } = await withReplay(onTestFinished)
    planJobFault(directory, { type: 'flush', point: 'answer', fault: 'exit', count: 1000 })
    const error = await rejection('VARVE_INTERNAL', FaultyStore.open(directory))
    expect(error.message).toMatch(WORDS.exit)
    await expectWhole(directory, entries)
  })
})

test.concurrent('a flush that hangs while the store closes: closing ends, and the log keeps what it would have written', async ({
  onTestFinished,
}) => {
  const directory = freshPath(onTestFinished)
  const faulty = await FaultyStore.open(directory)
  const entries = await fill(faulty.store, ENTRY_COUNT)
  planJobFault(directory, { type: 'flush', point: 'first-byte', fault: 'hang', count: 1000 })
  await faulty.store.close()
  expect(faulty.errors.join('\n')).toMatch(WORDS.hang)
  await expectWhole(directory, entries)
})

/** Of this process, where the system shows them. */
function threadCount(): number {
  return process.platform === 'linux' ? fs.readdirSync('/proc/self/task').length : 0
}

test('a thread of the application that ends takes the threads of its store with it, and the lock is free', async ({
  onTestFinished,
}) => {
  const directory = freshPath(onTestFinished)
  // The first asynchronous call starts the threads of the runtime.
  await fs.promises.stat('.')
  const before = threadCount()
  planJobFault(directory, { type: 'flush', point: 'first-byte', fault: 'hang', count: 1 })
  const owner = new Worker(new URL('../harness/dist/children/store-thread.js', import.meta.url), {
    workerData: { directory, entryCount: ENTRY_COUNT },
  })
  await once(owner, 'message')
  await owner.terminate()
  expect(threadCount()).toBeLessThanOrEqual(before)
  const store = await open(directory, OPTIONS)
  expect((await contentsOf(store)).length).toBe(ENTRY_COUNT)
  await store.close()
  expect(await ledgerFaults(directory), 'R10').toEqual([])
})
