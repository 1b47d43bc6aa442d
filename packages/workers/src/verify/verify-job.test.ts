import { join } from 'node:path'
import { KIND_PUT, compareKeys, tableFileName, writeFullySync } from '@varve/storage'
import type { TableMetadata } from '@varve/storage'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { JobControl, createJobControl } from '../jobs/job-control.ts'
import type { JobResult, VerifyRequest } from '../jobs/job-protocol.ts'
import { runJob } from '../run-job.ts'
import { FaultyEnv } from '../test-support/faulty-env.ts'
import { JobFixture, randomVersions, sorted, walImage } from '../test-support/job-fixture.ts'
import type { Version } from '../test-support/job-fixture.ts'
import { SeededRandom } from '../test-support/seeded-random.ts'

let fixture: JobFixture
beforeEach(async () => {
  fixture = await JobFixture.create()
})
afterEach(async () => await fixture.remove())

/** One table with every version of the list, whose sequences are in line. */
function tableOf(versions: readonly Version[]): TableMetadata {
  const everySequence = versions.map(({ sequence }) => sequence)
  const options = { blockSizeBytes: 256, bloomBitsPerKey: 10, compression: ['none'], tableSizeBytes: 1 << 30 } as const
  const result = runJob(fixture.env, fixture.flushRequest(walImage(1, versions, 50), everySequence, options))
  const [table] = result.ok ? result.tables : []
  if (table === undefined) {
    throw new Error('the flush gave no table')
  }
  return table
}

function requestFor(metadata: TableMetadata, ...olderRuns: TableMetadata[][]): VerifyRequest {
  return { type: 'verify', directory: fixture.directory, control: createJobControl(), metadata, olderRuns }
}

function verify(metadata: TableMetadata, ...olderRuns: TableMetadata[][]): JobResult {
  return runJob(fixture.env, requestFor(metadata, ...olderRuns))
}

function put(key: string, sequence: number): Version {
  return { key: Buffer.from(key), sequence, kind: KIND_PUT, value: Buffer.from('value') }
}

/** The rule, word for word and slowly. */
function isAbove(newer: readonly Version[], older: readonly Version[]): boolean {
  return newer.every(({ key, sequence }) =>
    older.every((other) => compareKeys(other.key, key) !== 0 || other.sequence < sequence),
  )
}

test('a sound table, alone and above older ones', () => {
  const table = tableOf(randomVersions(new SeededRandom(1), 1000, 400))
  const older = tableOf(randomVersions(new SeededRandom(2), 1, 400))
  const alone = verify(table)
  expect(alone).toMatchObject({ ok: true, tables: [], entriesIn: 400, entriesOut: 400, entriesDropped: 0 })
  expect(alone).toMatchObject({ bytesRead: table.sizeBytes, bytesWritten: 0 })
  expect(verify(table, [older], [])).toMatchObject({ ok: true, bytesRead: table.sizeBytes + older.sizeBytes })
})

test('R11: random pairs are right or wrong as the rule says', () => {
  let wrongCount = 0
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(seed)
    // Many keys, so that sequences may overlap without a key that is out of order.
    const some = (first: number): Version[] =>
      Array.from({ length: 1 + random.below(6) }, (_, i) => put(`key ${random.below(40)}`, first + i))
    const newer = some(1 + random.below(6))
    const older = some(1 + random.below(6))
    const [table, olderTable] = [tableOf(newer), tableOf(older)]
    const result = verify(table, [olderTable])
    const isRight = isAbove(newer, older)
    expect(result.ok, `seed ${seed}`).toBe(isRight)
    if (!isRight) {
      wrongCount++
      const path = join(fixture.directory, tableFileName(table.number))
      expect(result).toMatchObject({ code: 'VARVE_CORRUPTION', path, offset: 0, cancelled: false })
    }
  }
  expect(wrongCount).toBeGreaterThan(5)
  expect(wrongCount).toBeLessThan(55)
})

test('what lies behind the last key of the table is not read', () => {
  const table = tableOf([put('a', 10), put('b', 11)])
  const older = tableOf([put('b', 5), put('c', 6)])
  const missing = { ...tableOf([put('x', 1)]), number: 777_777 as TableMetadata['number'] }
  expect(verify(table, [older, missing])).toMatchObject({ ok: true })
  expect(verify(table, [missing])).toMatchObject({ code: 'VARVE_IO', systemCode: 'ENOENT' })
})

test('R8: a flipped byte of the table, and a table under the name of another', () => {
  const table = tableOf(randomVersions(new SeededRandom(3), 1, 100))
  const other = tableOf(randomVersions(new SeededRandom(4), 1, 100))
  const path = join(fixture.directory, tableFileName(table.number))
  const file = fixture.env.files.openSync(path, 'update')
  const sound = new Uint8Array(table.sizeBytes)
  file.readSync(sound, 0, sound.length, 0)
  for (let at = 0; at < sound.length; at += 7) {
    writeFullySync(file, Uint8Array.of((sound[at] as number) ^ 0x10), 0, 1, at)
    expect(verify(table), `byte ${at}`).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', path })
    writeFullySync(file, sound, at, 1, at)
  }
  file.closeSync()
  expect(verify(table)).toMatchObject({ ok: true })
  expect(verify({ ...other, number: table.number })).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', path })
})

describe('R13: any file operation may fail', () => {
  test('all files are closed, and the failure names its file', () => {
    const versions = randomVersions(new SeededRandom(5), 1000, 500)
    const request = requestFor(tableOf(versions), [tableOf(sorted(randomVersions(new SeededRandom(6), 1, 1)))])
    for (let call = 1; ; call++) {
      const faulty = new FaultyEnv(fixture.env, call)
      const result = runJob(faulty.env, request)
      expect(faulty.openCount, `call ${call}`).toBe(0)
      if (faulty.callCount < call) {
        expect(result).toMatchObject({ ok: true })
        expect(call).toBeGreaterThan(10)
        return
      }
      expect(result, `call ${call}`).toMatchObject({ ok: false, code: 'VARVE_IO', systemCode: 'EIO' })
    }
  })
})

test('a flag set before, or in the midst of it, ends the job, with all files closed', () => {
  const table = tableOf(randomVersions(new SeededRandom(7), 1, 3000))
  for (const atCall of [0, 3, 10]) {
    const request = requestFor(table, [table])
    const counted = new FaultyEnv(fixture.env, Infinity)
    const { files } = counted.env
    const openSync: typeof files.openSync = (path, mode) => {
      const file = files.openSync(path, mode)
      const readSync: typeof file.readSync = (...read) => {
        if (counted.callCount >= atCall) {
          new JobControl(request.control).cancel()
        }
        return file.readSync(...read)
      }
      return Object.assign(Object.create(file) as typeof file, { readSync })
    }
    const env = { ...counted.env, files: Object.assign(Object.create(files) as typeof files, { openSync }) }
    expect(runJob(env, request)).toMatchObject({ ok: false, code: 'VARVE_ABORTED', cancelled: true })
    expect(counted.openCount).toBe(0)
  }
})
