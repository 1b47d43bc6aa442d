import { join } from 'node:path'
import { tableFileName, writeFullySync } from '@varve/storage'
import type { TableMetadata } from '@varve/storage'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { JobOutput, JobRequest } from './jobs/job-protocol.ts'
import { runJob } from './run-job.ts'
import { FaultyEnv } from './test-support/faulty-env.ts'
import { JobFixture, described, randomVersions, walImage } from './test-support/job-fixture.ts'
import { SeededRandom } from './test-support/seeded-random.ts'

let fixture: JobFixture
beforeEach(async () => {
  fixture = await JobFixture.create()
})
afterEach(async () => await fixture.remove())

const image = walImage(1, randomVersions(new SeededRandom(1), 1, 300), 30)
const newerImage = walImage(2, randomVersions(new SeededRandom(2), 301, 300), 30)

function done(request: JobRequest): JobOutput {
  const result = runJob(fixture.env, request)
  if (!result.ok) {
    throw new Error(result.stack)
  }
  return result
}

function twoRuns(): (readonly TableMetadata[])[] {
  return [newerImage, image].map((wal) => done(fixture.flushRequest(wal, [600])).tables)
}

describe('R13: any file operation may fail', () => {
  /** Fails the first call, the second, and so on, until the job needs no more calls. */
  function failEachCall(makeRequest: () => JobRequest): number {
    for (let call = 1; ; call++) {
      const faulty = new FaultyEnv(fixture.env, call)
      const result = runJob(faulty.env, makeRequest())
      expect(faulty.openCount, `call ${call}: all files are closed`).toBe(0)
      if (faulty.callCount < call) {
        expect(result.ok).toBe(true)
        return call
      }
      expect(result, `call ${call}`).toMatchObject({ ok: false, code: 'VARVE_IO', systemCode: 'EIO', cancelled: false })
    }
  }

  test('in a flush', () => {
    expect(failEachCall(() => fixture.flushRequest(image, [600]))).toBeGreaterThan(20)
  })

  test('in a compaction, whose inputs stay as they were', () => {
    const runs = twoRuns()
    const before = runs.map((tables) => described(fixture.contents(tables)))
    expect(failEachCall(() => fixture.compactionRequest(runs, [600], true))).toBeGreaterThan(40)
    expect(runs.map((tables) => described(fixture.contents(tables)))).toEqual(before)
  })
})

test('R8: any byte of an input flipped gives an error, or what the whole input gives', () => {
  const runs = twoRuns()
  const expected = described(fixture.contents(done(fixture.compactionRequest(runs, [600], true)).tables))
  const random = new SeededRandom(3)
  for (let i = 0; i < 150; i++) {
    const table = runs.flat()[random.below(runs.flat().length)] as TableMetadata
    const path = join(fixture.directory, tableFileName(table.number))
    const at = random.below(table.sizeBytes)
    const file = fixture.env.files.openSync(path, 'update')
    const byte = new Uint8Array(1)
    file.readSync(byte, 0, 1, at)
    const flipped = Uint8Array.of((byte[0] as number) ^ (1 << random.below(8)))
    writeFullySync(file, flipped, 0, 1, at)
    const result = runJob(fixture.env, fixture.compactionRequest(runs, [600], true))
    const what = `${path} at ${at}`
    if (result.ok) {
      expect(described(fixture.contents(result.tables)), what).toEqual(expected)
    } else {
      expect(['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED'], `${what}: ${result.message}`).toContain(result.code)
    }
    writeFullySync(file, byte, 0, 1, at)
    file.closeSync()
  }
})
