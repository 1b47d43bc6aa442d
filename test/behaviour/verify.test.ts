/** What `verify` finds, and what it does not: nothing, in a store that works (R8 to R11). */
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { open } from 'varve'
import type { Store, StoreOptions, VerifyFinding, VerifyProgress } from 'varve'
import { createNodeEnv } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import type { JobExecutor, JobRequest, JobResult } from '@varve/workers'
import { contentsOf, fill } from '../harness/contents.ts'
import { FailingExecutor, GatedExecutor, componentsOf } from '../harness/executors.ts'
import type { ExecutorKind } from '../harness/executors.ts'
import { ledgerFaults, readLedger } from '../harness/ledger.ts'
import { rejection } from '../harness/rejection.ts'
import { makeMemoryDirectory, scratchStorePath } from '../harness/scratch-directory.ts'
import { entriesOf, makeHandmadeStore } from './handmade-store.ts'
import type { HandmadeTable } from './handmade-store.ts'

const TINY: StoreOptions = {
  memtableSizeBytes: 32 * 1024,
  tableSizeBytes: 16 * 1024,
  // Values that repeat would make few tables.
  compression: 'none',
  levelZeroTableCountTrigger: 2,
  levelOneSizeBytes: 32 * 1024,
  levelSizeRatio: 2,
}

async function findingsOf(store: Store): Promise<readonly VerifyFinding[]> {
  return (await store.verify()).findings
}

describe.each<ExecutorKind>(['pool', 'inline'])('a sound store: %s', (kind) => {
  test('while it is written, flushed, compacted, read and copied nothing is found', async () => {
    const directory = scratchStorePath('verify')
    const store = await open(directory, TINY, componentsOf(kind))
    const iterators: { close(): Promise<void> }[] = []
    let isDone = false
    const work = (async () => {
      for (let round = 0; round < 8; round++) {
        await fill(store, 800, 60 + round)
        const iterator = store.iterator()
        await iterator.next()
        iterators.push(iterator)
        await (round % 3 === 0 ? store.compactRange() : store.flush())
        await store.checkpoint(`${directory}-copy-${round}`)
      }
      isDone = true
    })()
    let count = 0
    while (!isDone) {
      const progress: VerifyProgress[] = []
      const { findings, tableCount, sizeBytes } = await store.verify({ onProgress: (next) => progress.push(next) })
      expect(findings).toEqual([])
      expect(progress).toHaveLength(tableCount)
      expect(progress.at(-1) ?? { doneSizeBytes: 0 }).toMatchObject({ doneSizeBytes: sizeBytes })
      count++
    }
    await work
    expect(count).toBeGreaterThan(1)
    await Promise.all(iterators.map((iterator) => iterator.close()))
    expect(await findingsOf(store)).toEqual([])
    await store.close()
    expect(await ledgerFaults(directory)).toEqual([])
  })
})

test('the report counts what is in the tables', async () => {
  const store = await open(scratchStorePath('verify'))
  expect(await store.verify()).toMatchObject({ findings: [], tableCount: 0, entryCount: 0, sizeBytes: 0 })
  await fill(store, 200)
  await store.flush()
  const { sizeBytes } = store.stats().levels[0] ?? {}
  expect(await store.verify()).toMatchObject({ findings: [], tableCount: 1, entryCount: 200, sizeBytes })
  await store.close()
})

describe('tables that are each as their checksums say', () => {
  async function findingsIn(tables: readonly HandmadeTable[]): Promise<string[]> {
    const directory = scratchStorePath('handmade')
    await makeHandmadeStore(directory, tables)
    const executor = new GatedExecutor()
    executor.shut('compaction')
    const store = await open(directory, {}, { executor })
    const { findings } = await store.verify()
    executor.open('compaction')
    await store.close()
    return findings.map((finding) => `${path.relative(directory, finding.path)}: ${finding.what}`)
  }

  const older = entriesOf('key', 100, 1)
  const newer = entriesOf('key', 100, 500)

  test('newer above older is right, at any distance and in any number of versions', async () => {
    const versions = newer.flatMap(([key, sequence]): [string, number][] => [
      [key, sequence + 200],
      [key, sequence],
    ])
    expect(
      await findingsIn([
        { level: 1, run: 0, entries: versions },
        { level: 2, run: 0, entries: older },
      ]),
    ).toEqual([])
    expect(
      await findingsIn([
        { level: 0, run: 500, entries: newer },
        { level: 6, run: 0, entries: older },
      ]),
    ).toEqual([])
    const odd = newer.filter((_, i) => i % 2 === 1)
    const even = newer.filter((_, i) => i % 2 === 0)
    expect(
      await findingsIn([
        { level: 1, run: 0, entries: odd },
        { level: 3, run: 0, entries: even },
      ]),
    ).toEqual([])
  })

  test('R11: one older version above a newer one', async () => {
    for (const at of [0, 37, 99]) {
      const above = newer.map(([key, sequence], i): [string, number] => [key, i === at ? 2 : sequence])
      const below = older.map(([key, sequence], i): [string, number] => [key, i === at ? 3 : sequence])
      const tables = [
        { level: 1, run: 0, entries: above },
        { level: 4, run: 0, entries: below.slice(0, 50) },
        { level: 4, run: 0, entries: below.slice(50) },
      ]
      expect(await findingsIn(tables)).toEqual([
        '000001.sst: it holds version 2 of a key, of which an older run holds version 3',
      ])
    }
  })

  test('R11: versions of a key that are mixed, and the same version twice', async () => {
    const mixed: [string, number][] = [
      ['key-007', 300],
      ['key-007', 100],
    ]
    const between = [{ level: 2, run: 0, entries: [['key-007', 200] as const] }]
    expect(await findingsIn([{ level: 1, run: 0, entries: mixed }, ...between])).toEqual([
      '000001.sst: it holds version 100 of a key, of which an older run holds version 200',
    ])
    expect(await findingsIn([{ level: 1, run: 0, entries: [['key-007', 200]] }, ...between])).toEqual([
      '000001.sst: it holds version 200 of a key, of which an older run holds version 200',
    ])
  })

  test('R11: tables of one run that overlap are not even opened', async () => {
    const tables = [
      { level: 0, run: 500, entries: newer.slice(0, 60) },
      { level: 0, run: 500, entries: newer.slice(59) },
    ]
    await expect(findingsIn(tables)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION' })
  })

  test.each([
    ['entryCount', { entryCount: 101 }],
    ['tombstoneCount', { tombstoneCount: 1 }],
    ['smallestKey', { smallestKey: Buffer.from('kex') }],
    ['largestKey', { largestKey: Buffer.from('kez') }],
    ['smallestSequence', { smallestSequence: 400 as never }],
    ['largestSequence', { largestSequence: 700 as never }],
    ['rawKeySizeBytes', { rawKeySizeBytes: 1 }],
    ['rawValueSizeBytes', { rawValueSizeBytes: 1 }],
  ])('R9: a manifest with another %s than the table has', async (name, claim) => {
    expect(await findingsIn([{ level: 1, run: 0, entries: newer, claim }])).toEqual([
      `000001.sst: its entries do not have the ${name} that was recorded`,
    ])
  })
})

describe('files', () => {
  /** A store with two tables, open, in which no job runs. */
  async function twoTables(): Promise<Store> {
    const store = await open(path.join(makeMemoryDirectory('verify'), 'store'), {}, componentsOf('inline'))
    await fill(store, 50)
    await store.flush()
    await fill(store, 60)
    await store.flush()
    expect(await findingsOf(store)).toEqual([])
    return store
  }

  function filesOf(store: Store): string[] {
    const { tables, manifests, wals } = readLedger(store.directory)
    return [...tables, ...manifests, ...wals].map((name) => path.join(store.directory, name))
  }

  test('R10: a table, a log, a manifest and a file of somebody else that nothing names', async () => {
    const store = await twoTables()
    const [table = ''] = filesOf(store)
    const strays = ['000001.sst', '900000.sst', '900001.wal', 'MANIFEST-900002', 'CURRENT.tmp', 'notes.txt']
    for (const name of strays) {
      fs.copyFileSync(table, path.join(store.directory, name))
    }
    const findings = await findingsOf(store)
    expect(findings.map((finding) => path.basename(finding.path)).toSorted()).toEqual(strays.toSorted())
    for (const { offset, what } of findings) {
      expect({ offset, what }).toEqual({ offset: 0, what: 'nothing names this file' })
    }
    strays.forEach((name) => fs.rmSync(path.join(store.directory, name)))
    expect(await findingsOf(store)).toEqual([])
    await store.close()
  })

  test('each file taken away, also while the store has it open', async () => {
    const store = await twoTables()
    await store.put('in', 'the log')
    for (const file of [...filesOf(store), path.join(store.directory, 'CURRENT'), path.join(store.directory, 'LOCK')]) {
      fs.renameSync(file, `${store.directory}-aside`)
      expect(await findingsOf(store)).toEqual([{ path: file, offset: 0, what: 'it is missing' }])
      fs.renameSync(`${store.directory}-aside`, file)
    }
    expect(await findingsOf(store)).toEqual([])
    await store.close()
  })

  test('two tables swapped, and one in the place of the other', async () => {
    const store = await twoTables()
    const [one = '', other = ''] = filesOf(store)
    const [bytes, otherBytes] = [fs.readFileSync(one), fs.readFileSync(other)]
    fs.writeFileSync(one, otherBytes)
    fs.writeFileSync(other, bytes)
    expect((await findingsOf(store)).map((finding) => finding.path).toSorted()).toEqual([one, other].toSorted())
    fs.writeFileSync(one, bytes)
    expect((await findingsOf(store)).map((finding) => finding.path)).toEqual([other])
    fs.writeFileSync(other, otherBytes)
    expect(await findingsOf(store)).toEqual([])
    await store.close()
  })

  test('after a finding the other tables are checked', async () => {
    const options = { ...TINY, levelOneSizeBytes: 64 * 1024 * 1024 }
    const directory = scratchStorePath('verify')
    const filled = await open(directory, options, componentsOf('inline'))
    await fill(filled, 1500)
    await filled.compactRange()
    // What was compacted has been deleted then.
    await filled.close()
    const store = await open(directory, options, componentsOf('inline'))
    const tables = readLedger(store.directory).tables.map((name) => path.join(store.directory, name))
    expect(tables.length).toBeGreaterThan(4)
    const damaged = [tables[0], tables[2], tables.at(-1)].map(String)
    damaged.forEach((file) => fs.writeFileSync(file, fs.readFileSync(file).fill(0, 100, 110)))
    const progress: VerifyProgress[] = []
    const { findings } = await store.verify({ onProgress: (next) => progress.push(next) })
    expect(findings.map((finding) => finding.path).toSorted()).toEqual(damaged.toSorted())
    expect(progress.at(-1)).toMatchObject({ doneTableCount: tables.length, findingCount: damaged.length })
    await store.close()
  })

  test('a log that does not hold what was committed', async () => {
    const store = await open(scratchStorePath('verify'), {}, { executor: new FailingExecutor() })
    store.on('error', () => undefined)
    await fill(store, 300)
    void store.flush().catch(() => undefined)
    await fill(store, 200, 2000, 'later')
    const wals = readLedger(store.directory).wals.map((name) => path.join(store.directory, name))
    expect(await findingsOf(store)).toEqual([])
    expect(wals.length).toBeGreaterThan(1)
    for (const file of wals) {
      const bytes = fs.readFileSync(file)
      for (const at of [0, 31, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const flipped = Buffer.from(bytes)
        flipped[at] = (flipped[at] ?? 0) ^ 1
        fs.writeFileSync(file, flipped)
        expect(await findingsOf(store)).toEqual([{ path: file, offset: at, what: 'a byte is not what was written' }])
        fs.writeFileSync(file, bytes.subarray(0, at))
        expect(await findingsOf(store)).toMatchObject([{ path: file, offset: at }])
      }
      fs.writeFileSync(file, bytes)
    }
    expect(await findingsOf(store)).toEqual([])
    await store.close()
  })
})

describe('the call', () => {
  test('its signal ends it, and so does closing the store', async () => {
    const executor = new GatedExecutor()
    const store = await open(scratchStorePath('verify'), {}, { executor })
    await fill(store, 100)
    await store.flush()
    executor.shut('verify')
    const controller = new AbortController()
    const aborted = store.verify({ signal: controller.signal })
    const closed = store.verify()
    await new Promise((resolve) => setTimeout(resolve, 20))
    controller.abort(new Error('enough'))
    expect(await rejection('VARVE_ABORTED', aborted)).toMatchObject({ cause: controller.signal.reason as Error })
    await rejection('VARVE_ABORTED', store.verify({ signal: controller.signal }))
    await rejection('VARVE_INVALID_ARGUMENT', store.verify({ onProgress: {} as never }))
    const closing = store.close()
    await rejection('VARVE_CLOSED', closed)
    await closing
    await rejection('VARVE_CLOSED', store.verify())
    expect(await ledgerFaults(store.directory)).toEqual([])
  })

  test('tables that are compacted away meanwhile are checked, and then deleted', async () => {
    const executor = new GatedExecutor()
    const directory = scratchStorePath('verify')
    const store = await open(directory, TINY, { executor })
    await fill(store, 600)
    await store.flush()
    const before = readLedger(directory).tables
    executor.shut('verify')
    const verified = store.verify()
    await new Promise((resolve) => setTimeout(resolve, 20))
    await fill(store, 600, 80)
    await store.compactRange()
    expect(readLedger(directory).tables).toEqual(expect.arrayContaining(before))
    executor.open('verify')
    expect((await verified).findings).toEqual([])
    await store.close()
    expect(await ledgerFaults(directory)).toEqual([])
  })

  test('the loop turns while the pool reads', async () => {
    const store = await open(scratchStorePath('verify'))
    await fill(store, 3000, 3000)
    await store.compactRange()
    let turnCount = 0
    const timer = setInterval(() => turnCount++, 1)
    expect((await store.verify()).findings).toEqual([])
    clearInterval(timer)
    expect(turnCount).toBeGreaterThan(2)
    await store.close()
  })

  test('R14: a worker that dies is no damage: its job is done again, and given up in the end', async () => {
    const executor = new DyingExecutor()
    const store = await open(scratchStorePath('verify'), {}, { executor })
    const entries = await fill(store, 100)
    await store.flush()
    executor.deathCount = 2
    expect(await findingsOf(store)).toEqual([])
    executor.deathCount = 3
    await rejection('VARVE_INTERNAL', store.verify())
    expect(executor.deathCount).toBe(0)
    expect(await findingsOf(store)).toEqual([])
    expect(await contentsOf(store)).toEqual(entries)
    await store.close()
  })
})

/** Loses the next so many verifications. */
class DyingExecutor implements JobExecutor {
  deathCount = 0
  readonly compactionCountMax: number = 1
  readonly #inner: JobExecutor = createInlineExecutor(createNodeEnv())

  async run(request: JobRequest): Promise<JobResult> {
    if (request.type !== 'verify' || this.deathCount === 0) {
      return await this.#inner.run(request)
    }
    this.deathCount--
    return {
      ok: false,
      code: 'VARVE_INTERNAL',
      message: 'a job worker failed',
      stack: undefined,
      path: undefined,
      offset: undefined,
      systemCode: undefined,
      cancelled: false,
    }
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }
}
