import { KIND_DELETE, KIND_PUT, compareKeys } from '@varve/storage'
import type { TableMetadata } from '@varve/storage'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { JobControl } from './jobs/job-control.ts'
import type { JobOutput, JobResult } from './jobs/job-protocol.ts'
import { runJob } from './run-job.ts'
import {
  JobFixture,
  described,
  naiveKept,
  randomLive,
  randomVersions,
  sorted,
  walImage,
} from './test-support/job-fixture.ts'
import type { Version } from './test-support/job-fixture.ts'
import { SeededRandom } from './test-support/seeded-random.ts'

let fixture: JobFixture
beforeEach(async () => {
  fixture = await JobFixture.create()
})
afterEach(() => fixture.remove())

function output(result: JobResult): JobOutput {
  if (!result.ok) {
    throw new Error(result.stack)
  }
  return result
}

function put(key: string, sequence: number, value: string): Version {
  return { key: Buffer.from(key), sequence, kind: KIND_PUT, value: Buffer.from(value) }
}

function deletion(key: string, sequence: number): Version {
  return { key: Buffer.from(key), sequence, kind: KIND_DELETE, value: new Uint8Array(0) }
}

/** R9, R11: counts agree, tables share no key, and each holds what its metadata says. */
function checkOutput(result: JobOutput, entriesIn: number): void {
  expect(result.entriesIn).toBe(entriesIn)
  expect(result.entriesIn).toBe(result.entriesOut + result.entriesDropped)
  expect(result.bytesWritten).toBe(result.tables.reduce((sum, table) => sum + table.sizeBytes, 0))
  result.tables.forEach((table, i) => {
    const versions = fixture.contents([table])
    expect(versions.length).toBe(table.entryCount)
    expect(Buffer.from(table.smallestKey)).toEqual(Buffer.from(versions[0]?.key ?? []))
    expect(Buffer.from(table.largestKey)).toEqual(Buffer.from(versions.at(-1)?.key ?? []))
    const next = result.tables[i + 1]
    expect(next === undefined || compareKeys(table.largestKey, next.smallestKey) < 0).toBe(true)
  })
}

describe('flush', () => {
  test('random histories give what the rule names, sorted', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new SeededRandom(seed)
      const versions = randomVersions(random, 1 + random.below(1000), 1 + random.below(700))
      const live = randomLive(random, versions.at(-1)?.sequence ?? 0)
      const image = walImage(7, versions, 1 + random.below(30))
      const result = output(runJob(fixture.env, fixture.flushRequest(image, live)))
      checkOutput(result, versions.length)
      const expected = naiveKept(sorted(versions), live, false)
      expect(described(fixture.contents(result.tables)), `seed ${seed}, live ${live.join()}`).toEqual(
        described(expected),
      )
    }
  })

  test('an empty log gives no table and no file', () => {
    const result = output(runJob(fixture.env, fixture.flushRequest(walImage(7, [], 1), [0])))
    expect(result).toMatchObject({ tables: [], entriesIn: 0, entriesOut: 0 })
  })

  test('tables are cut only where the key changes, and the last number takes all that is left', () => {
    const versions = Array.from({ length: 600 }, (_, i) => put(`key ${i % 3}`, i + 1, 'x'.repeat(50)))
    const live = Array.from({ length: 600 }, (_, i) => i + 1)
    const image = walImage(7, versions, 10)
    const cut = output(runJob(fixture.env, fixture.flushRequest(image, live)))
    expect(cut.tables.map((table) => table.entryCount)).toEqual([200, 200, 200])
    const request = fixture.flushRequest(image, live)
    const few = output(
      runJob(fixture.env, { ...request, outputNumbers: { first: request.outputNumbers.first, count: 2 } }),
    )
    expect(few.tables.map((table) => table.entryCount)).toEqual([200, 400])
  })

  test('an output that exists is a failure with its path, and is left alone', async () => {
    const image = walImage(7, [put('a', 1, 'b')], 1)
    const request = fixture.flushRequest(image, [1])
    output(runJob(fixture.env, request))
    const again = runJob(fixture.env, request)
    expect(again).toMatchObject({ ok: false, code: 'VARVE_IO', systemCode: 'EEXIST', cancelled: false })
    expect(await fixture.env.files.list(fixture.directory)).toEqual(['000001.sst'])
  })
})

describe('hostile arenas', () => {
  const versions = randomVersions(new SeededRandom(5), 1, 60)
  const image = walImage(7, versions, 7)

  test('any byte flipped is corruption with path and offset', () => {
    const random = new SeededRandom(1)
    for (let at = 0; at < image.sizeBytes; at += 1 + random.below(8)) {
      const arena = new SharedArrayBuffer(image.arena.byteLength)
      const bytes = new Uint8Array(arena)
      bytes.set(new Uint8Array(image.arena))
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
      const result = runJob(fixture.env, fixture.flushRequest({ ...image, arena }, [60]))
      expect(result, `byte ${at}`).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', cancelled: false })
    }
  })

  test('any length that is not the end of a group is corruption', () => {
    const ends = new Set([...image.groupOffsets, image.sizeBytes])
    for (let sizeBytes = 0; sizeBytes <= image.arena.byteLength + 3; sizeBytes++) {
      const result = runJob(fixture.env, fixture.flushRequest({ ...image, sizeBytes }, [60]))
      expect(result.ok ? 'ok' : result.code, `${sizeBytes} bytes`).toBe(ends.has(sizeBytes) ? 'ok' : 'VARVE_CORRUPTION')
    }
  })

  test('another log number, a gap or a repetition in the sequence is corruption', () => {
    const path = expect.stringContaining('000008.wal')
    const other = runJob(fixture.env, fixture.flushRequest({ ...image, walNumber: 8 }, [60]))
    expect(other).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', path, offset: 0 })
    for (const second of [1, 3, 0]) {
      const jump = walImage(7, [put('a', 1, 'a'), put('b', second, 'b')], 1)
      const result = runJob(fixture.env, fixture.flushRequest(jump, [9]))
      expect(result).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', offset: jump.groupOffsets[1] })
    }
  })
})

describe('compaction', () => {
  /** Flushes a history in parts; the runs, newest first, and all versions that were kept so far. */
  function flushed(
    random: SeededRandom,
    runCount: number,
  ): { runs: TableMetadata[][]; versions: Version[]; last: number } {
    const runs: TableMetadata[][] = []
    const versions: Version[] = []
    let last = 0
    for (let i = 0; i < runCount; i++) {
      const part = randomVersions(random, last + 1, 1 + random.below(150))
      last = part.at(-1)?.sequence ?? last
      const everySequence = Array.from({ length: last + 1 }, (_, sequence) => sequence)
      const image = walImage(1, part, 1 + random.below(20))
      runs.unshift([...output(runJob(fixture.env, fixture.flushRequest(image, everySequence))).tables])
      versions.push(...part)
    }
    return { runs, versions, last }
  }

  test('random runs give what the rule names, merged', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed)
      const { runs, versions, last } = flushed(random, random.below(7))
      const live = randomLive(random, last)
      const isBottom = random.below(2) === 0
      const result = output(runJob(fixture.env, fixture.compactionRequest(runs, live, isBottom)))
      checkOutput(result, versions.length)
      const expected = naiveKept(sorted(versions), live, isBottom)
      const what = `seed ${seed}, ${runs.length} runs, live ${live.join()}, bottom ${isBottom}`
      expect(described(fixture.contents(result.tables)), what).toEqual(described(expected))
    }
  })

  test('parts of a compaction, by key, give what the whole gives, and read each entry once', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed)
      const { runs, versions, last } = flushed(random, 1 + random.below(4))
      const request = fixture.compactionRequest(runs, randomLive(random, last), random.below(2) === 0)
      const expected = naiveKept(sorted(versions), request.liveSequences, request.isBottom)
      const keys = Array.from({ length: 1 + random.below(3) }, () => random.bytes(random.below(4), 6)).toSorted(
        compareKeys,
      )
      const bounds = [undefined, ...keys, undefined]
      const parts = keys.concat(new Uint8Array(0)).map((_, i) => {
        const span = { lower: bounds[i], upper: bounds[i + 1] }
        const { outputNumbers } = fixture.compactionRequest([], [0], true)
        return output(runJob(fixture.env, { ...request, outputNumbers, span }))
      })
      expect(parts.reduce((sum, part) => sum + part.entriesIn, 0)).toBe(versions.length)
      const tables = parts.flatMap((part) => part.tables)
      const what = `seed ${seed}, cut at ${keys.map((key) => Buffer.from(key).toString('hex')).join()}`
      expect(described(fixture.contents(tables)), what).toEqual(described(expected))
    }
  })

  test('compactions one after the other, downwards, never show a reader anything else', () => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = new SeededRandom(seed)
      const state = flushed(random, 5)
      const live = randomLive(random, state.last)
      // Any two neighbours become one, until one is left; the two oldest are the bottom.
      const runs = state.runs
      while (runs.length > 1) {
        const at = random.below(runs.length - 1)
        const isBottom = at === runs.length - 2
        const result = output(runJob(fixture.env, fixture.compactionRequest(runs.slice(at, at + 2), live, isBottom)))
        runs.splice(at, 2, [...result.tables])
      }
      const expected = naiveKept(sorted(state.versions), live, true)
      expect(described(fixture.contents(runs[0] ?? [])), `seed ${seed}, live ${live.join()}`).toEqual(
        described(expected),
      )
    }
  })

  test('only tombstones at the bottom give no table and no file', async () => {
    const image = walImage(1, [put('a', 1, 'x'), deletion('a', 2), deletion('b', 3)], 3)
    const { tables } = output(runJob(fixture.env, fixture.flushRequest(image, [3])))
    const before = await fixture.env.files.list(fixture.directory)
    const result = output(runJob(fixture.env, fixture.compactionRequest([tables], [3], true)))
    expect(result).toMatchObject({ tables: [], entriesIn: 2, entriesOut: 0, entriesDropped: 2 })
    expect(await fixture.env.files.list(fixture.directory)).toEqual(before)
  })

  test('an input with another count, out of order or missing is a failure with its path', () => {
    const first = output(runJob(fixture.env, fixture.flushRequest(walImage(1, [put('a', 1, 'x')], 1), [1]))).tables
    const second = output(runJob(fixture.env, fixture.flushRequest(walImage(2, [put('b', 2, 'x')], 1), [2]))).tables
    const [a, b] = [first[0] as TableMetadata, second[0] as TableMetadata]
    const miscounted = fixture.compactionRequest([[{ ...a, entryCount: 2 }]], [2], true)
    expect(runJob(fixture.env, miscounted)).toMatchObject({
      code: 'VARVE_CORRUPTION',
      path: expect.stringContaining('.sst'),
    })
    const swapped = fixture.compactionRequest([[b, a]], [2], true)
    expect(runJob(fixture.env, swapped)).toMatchObject({ code: 'VARVE_CORRUPTION' })
    const missing = fixture.compactionRequest([[{ ...a, number: (b.number + 7777) as typeof a.number }]], [2], true)
    expect(runJob(fixture.env, missing)).toMatchObject({ code: 'VARVE_IO', systemCode: 'ENOENT' })
  })
})

describe('cancelling', () => {
  test('a flag set before, or in the midst of it, ends the job', () => {
    const image = walImage(7, randomVersions(new SeededRandom(1), 1, 5000), 100)
    const request = fixture.flushRequest(image, [5000])
    new JobControl(request.control).cancel()
    expect(runJob(fixture.env, request)).toMatchObject({ ok: false, code: 'VARVE_ABORTED', cancelled: true })

    const late = fixture.flushRequest(image, [5000])
    const { files } = fixture.env
    const openSync: typeof files.openSync = (path, mode) => {
      new JobControl(late.control).cancel()
      return files.openSync(path, mode)
    }
    const env = { ...fixture.env, files: Object.assign(Object.create(files) as typeof files, { openSync }) }
    expect(runJob(env, late)).toMatchObject({ ok: false, code: 'VARVE_ABORTED', cancelled: true })
  })
})

test('a job shows that it gets on, with few large entries as well', () => {
  const large = Buffer.alloc(1 << 20, 7).toString('latin1')
  const image = walImage(
    7,
    Array.from({ length: 8 }, (_, i) => put(`key ${i}`, i + 1, large)),
    8,
  )
  const request = fixture.flushRequest(image, [8])
  output(runJob(fixture.env, request))
  // Each large entry is written and read back by itself.
  expect(new JobControl(request.control).progress).toBeGreaterThanOrEqual(16)
})
