/** What classic-level promises beyond abstract-level: locks, options, errors, maintenance, one process and many databases. */
import fs from 'node:fs'
import path from 'node:path'
import { VarveLevel } from '@varve/level'
import type { DatabaseOptions } from '@varve/level'
import { open } from 'varve'
import { expect, test } from 'vitest'
import { Child, runChild } from '../harness/child.ts'
import {
  fingerprint,
  makeMemoryDirectory,
  makeScratchDirectory,
  scratchStorePath,
} from '../harness/scratch-directory.ts'
import type { LevelProcessPlan } from '../harness/level-process-plan.ts'

interface Failure {
  readonly code?: string
  readonly name?: string
  readonly message: string
  readonly cause?: Failure
}

async function failureOf(call: () => unknown): Promise<Failure> {
  try {
    await call()
  } catch (error) {
    return error as Failure
  }
  throw new Error('it should have failed')
}

test('a location is a string with something in it, and is given back as it was', async () => {
  for (const wrong of [undefined, {}, ''] as unknown[]) {
    const wanted = { name: 'TypeError', message: "The first argument 'location' must be a non-empty string" }
    expect(await failureOf(() => new VarveLevel(wrong as string))).toMatchObject(wanted)
    expect(await failureOf(() => VarveLevel.destroy(wrong as string))).toMatchObject(wanted)
  }
  const location = path.relative('.', path.join(scratchStorePath('level'), 'deep', 'er'))
  const db = new VarveLevel(location)
  expect(db.location).toBe(location)
  await db.open()
  expect(fs.existsSync(path.join(location, 'CURRENT'))).toBe(true)
  await db.close()
})

test('a database that is open, here or in another process, is locked', async () => {
  const location = scratchStorePath('level')
  const first = new VarveLevel(location)
  await first.put('a', '1')
  const second = new VarveLevel(location)
  const locked = { code: 'LEVEL_DATABASE_NOT_OPEN', cause: { code: 'LEVEL_LOCKED', cause: { code: 'VARVE_LOCKED' } } }
  expect(await failureOf(() => second.open())).toMatchObject(locked)
  expect(await first.get('a')).toBe('1')
  const plan: LevelProcessPlan = { location, task: 'open' }
  expect((await runChild('level-process', plan)).lines).toEqual(['failed LEVEL_DATABASE_NOT_OPEN LEVEL_LOCKED'])
  await first.close()
  await second.open()
  expect(await second.get('a')).toBe('1')
  await second.close()
})

test('a process that ends with open databases ends, and what was acknowledged is there', async () => {
  const location = makeScratchDirectory('level')
  const plan: LevelProcessPlan = { location, task: 'leave-open', databaseCount: 60 }
  const { code, lines, stderr } = await runChild('level-process', plan)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [counted] = lines
  const [, threadCount, descriptorCount] = (counted ?? '').split(' ').map(Number)
  // Idle databases have three files each, and share what threads there are.
  expect(threadCount).toBeLessThanOrEqual(0)
  expect(descriptorCount).toBeLessThanOrEqual(3 * 60)
  for (const name of ['0', '59']) {
    const db = new VarveLevel(path.join(location, name))
    expect(await db.get('key')).toBe(`value ${name}`)
    await db.close()
  }
})

test('a process that is killed keeps what was acknowledged', async () => {
  const location = scratchStorePath('level')
  const child = new Child('level-process', { location, task: 'write' } satisfies LevelProcessPlan)
  const line = await child.line('500')
  child.kill()
  await child.ended
  expect(line).toBe('500')
  const db = new VarveLevel(location)
  expect(await db.getMany(['0', '250', '500'])).toEqual(['0', '250', '500'])
  await db.close()
})

test.each([
  [{ multithreading: true }, 'LEVEL_NOT_SUPPORTED', 'multithreading'],
  [{ infoLog: true }, 'LEVEL_NOT_SUPPORTED', 'infoLog'],
  [{ cacheSize: 'large' }, 'LEVEL_INVALID_ARGUMENT', 'cacheSize'],
  [{ bloomBitsPerKey: 1000 }, 'LEVEL_INVALID_ARGUMENT', 'bloomBitsPerKey'],
])('the option %o is refused by name', async (options, code, name) => {
  const location = scratchStorePath('level')
  const db = new VarveLevel(location, options as unknown as DatabaseOptions<string, string>)
  const error = await failureOf(() => db.open())
  expect(error.cause?.code).toBe(code)
  expect(error.cause?.message).toContain(name)
  expect(fs.existsSync(location)).toBe(false)
})

test('createIfMissing and errorIfExists', async () => {
  const location = scratchStorePath('level')
  const missing = await failureOf(() => new VarveLevel(location, { createIfMissing: false }).open())
  expect(missing.cause).toMatchObject({ code: 'LEVEL_NOT_FOUND', message: expect.stringContaining('does not exist') })
  const db = new VarveLevel(location, { errorIfExists: true })
  await db.open()
  await db.close()
  const existing = await failureOf(() => db.open())
  expect(existing.cause).toMatchObject({ code: 'LEVEL_EXISTS', message: expect.stringContaining('exists') })
})

test('a database of LevelDB is refused and stays as it is', async () => {
  const { ClassicLevel } = await import('classic-level')
  const location = scratchStorePath('level')
  const classic = new ClassicLevel(location)
  await classic.put('a', '1')
  await classic.close()
  const before = fingerprint(location)
  const error = await failureOf(() => new VarveLevel(location).open())
  expect(error.cause).toMatchObject({ code: 'LEVEL_INVALID_ARGUMENT', message: expect.stringContaining('LevelDB') })
  expect(await failureOf(() => VarveLevel.destroy(location))).toMatchObject({ code: 'LEVEL_INVALID_ARGUMENT' })
  expect(fingerprint(location)).toEqual(before)
})

test('damage is told with its place', async () => {
  const location = scratchStorePath('level')
  const db = new VarveLevel(location)
  await db.batch(Array.from({ length: 100 }, (_, i) => ({ type: 'put', key: `k${i}`, value: 'v'.repeat(100) })))
  await db.close()
  const table = fs.readdirSync(location).find((name) => name.endsWith('.sst')) ?? ''
  const bytes = fs.readFileSync(path.join(location, table))
  bytes.fill(0x55, 100, 200)
  fs.writeFileSync(path.join(location, table), bytes)
  await db.open()
  const cause = { code: 'VARVE_CORRUPTION', path: path.join(location, table) }
  const reads = [
    () => db.get('k1'),
    () => db.getSync('k1'),
    () => db.getMany(['k1']),
    () => db.has('k1'),
    () => db.iterator().all(),
    () => db.keys().next(),
    () => db.clear(),
  ]
  for (const read of reads) {
    expect(await failureOf(read)).toMatchObject({ code: 'LEVEL_CORRUPTION', cause })
  }
  await db.close()
  const report = await VarveLevel.repair(location)
  expect(Object.keys(report).length).toBeGreaterThan(0)
  await db.open()
  expect((await db.keys().all()).length).toBeLessThan(100)
  await db.close()
})

test('destroy removes a closed database, and leaves what is none', async () => {
  const location = scratchStorePath('level')
  await VarveLevel.destroy(location)
  expect(fs.existsSync(location)).toBe(false)
  const db = new VarveLevel(location)
  await db.open()
  expect(await failureOf(() => VarveLevel.destroy(location))).toMatchObject({ code: 'LEVEL_LOCKED' })
  await db.close()
  fs.writeFileSync(path.join(location, 'foo'), 'FOO')
  await VarveLevel.destroy(location)
  expect(fs.readdirSync(location)).toEqual(['foo'])
  await VarveLevel.destroy(location)
  expect(fs.readdirSync(location)).toEqual(['foo'])
})

test('keys and values as large as can be, and a word for those that are larger', async () => {
  const db = new VarveLevel<Buffer, Buffer>(scratchStorePath('level'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  const key = Buffer.alloc(65_536, 'k')
  const value = Buffer.alloc(20 * 1024 * 1024, 'v')
  await db.put(key, value)
  expect((await db.get(key))?.equals(value)).toBe(true)
  const long = Buffer.alloc(65_537, 'k')
  for (const call of [
    () => db.put(long, value),
    () => db.batch([{ type: 'del', key: long }]),
    () => db.batch().del(long),
    () => db.get(long),
    () => db.getSync(long),
  ]) {
    expect(await failureOf(call)).toMatchObject({
      code: 'LEVEL_INVALID_ARGUMENT',
      message: expect.stringContaining('65537'),
    })
  }
  await db.close()
})

test('views that are no Uint8Arrays are the bytes that they are over', async () => {
  const db = new VarveLevel<unknown, unknown>(scratchStorePath('level'), { keyEncoding: 'view', valueEncoding: 'view' })
  const numbers = new Uint16Array([1, 2, 3]).subarray(1)
  const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  await db.put(new DataView(numbers.buffer), numbers)
  expect(await db.get(Buffer.from(numbers.buffer))).toEqual(bytes)
  await db.close()
})

test('approximateSize and compactRange', async () => {
  const db = new VarveLevel(scratchStorePath('level'), { compression: false })
  const value = 'v'.repeat(1000)
  await db.batch(Array.from({ length: 500 }, (_, i) => ({ type: 'put', key: String(i).padStart(4, '0'), value })))
  await db.compactRange('0', '9')
  const whole = await db.approximateSize('0', '9')
  expect(whole).toBeGreaterThan(400_000)
  expect(await db.approximateSize('0000', '0250')).toBeLessThan(whole * 0.6)
  await db.clear()
  await db.compactRange('0', '9')
  expect(await db.approximateSize('0', '9')).toBeLessThan(1000)
  for (const call of [db.approximateSize.bind(db), db.compactRange.bind(db)] as ((...args: unknown[]) => unknown)[]) {
    const wanted = { name: 'TypeError', message: "The arguments 'start' and 'end' are required" }
    expect(await failureOf(() => call('a'))).toMatchObject(wanted)
  }
  await db.close()
  expect(await failureOf(() => db.approximateSize('a', 'b'))).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN' })
  const opening = db.open().then(() => 'opening')
  const deferred = db.approximateSize('a', 'b').then(() => 'deferred')
  expect(await Promise.race([opening, deferred])).toBe('opening')
  await deferred
  await db.close()
})

test('getProperty and stats', async () => {
  const db = new VarveLevel(scratchStorePath('level'))
  expect(await failureOf(() => db.getProperty('leveldb.stats'))).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN' })
  await db.open()
  expect(await failureOf(() => db.getProperty({} as string))).toMatchObject({ name: 'TypeError' })
  expect(db.getProperty('leveldb.foo')).toBe('')
  expect(db.getProperty('leveldb.sstables')).toBe([0, 1, 2, 3, 4, 5, 6].map((n) => `--- level ${n} ---\n`).join(''))
  await db.put('a', '1')
  await db.compactRange('a', 'b')
  expect(
    db.getProperty('leveldb.num-files-at-level6').length + db.getProperty('leveldb.num-files-at-level0').length,
  ).toBe(2)
  expect(db.getProperty('leveldb.stats').split('\n').length).toBeGreaterThan(8)
  expect(db.stats().writes.operationCount).toBe(1)
  await db.close()
})

test('a checkpoint is a database of its own', async () => {
  const db = new VarveLevel(scratchStorePath('level'))
  const copyLocation = scratchStorePath('level')
  const put = db.put('a', '1')
  // Deferred, as the database is not open yet.
  await Promise.all([put, db.checkpoint(scratchStorePath('level'))])
  await db.checkpoint(copyLocation)
  await db.put('a', '2')
  const copy = new VarveLevel(copyLocation)
  expect([await copy.get('a'), await db.get('a')]).toEqual(['1', '2'])
  await copy.close()
  expect(await failureOf(() => db.checkpoint(copyLocation))).toMatchObject({ code: expect.stringMatching(/^LEVEL_/) })
  await db.close()
})

test('sync is a sync, for each kind of write', async () => {
  const db = new VarveLevel(scratchStorePath('level'))
  await db.put('a', '1')
  const count = (): number => db.stats().writes.syncCount
  expect(count()).toBe(0)
  const writes = [
    () => db.put('a', '2', { sync: true }),
    () => db.del('a', { sync: true }),
    () => db.batch([{ type: 'put', key: 'b', value: '1' }], { sync: true }),
    () => db.batch().put('c', '1').write({ sync: true }),
  ]
  for (const [i, write] of writes.entries()) {
    await write()
    expect(count()).toBe(i + 1)
  }
  await db.close()
})

test('writes that nobody awaits wait, however many they are', async () => {
  const db = new VarveLevel(makeMemoryDirectory('level'), { writeBufferSize: 1024 * 1024 })
  await db.open()
  const value = 'v'.repeat(10_000)
  await Promise.all(Array.from({ length: 5000 }, (_, i) => db.put(String(i), value)))
  expect((await db.keys().all()).length).toBe(5000)
  await db.close()
})

test('close waits for what was asked before it', async () => {
  const location = scratchStorePath('level')
  const db = new VarveLevel(location)
  await db.open()
  const asked = [db.put('a', '1'), db.batch([{ type: 'put', key: 'b', value: '2' }]), db.get('a')]
  await db.close()
  await Promise.all(asked)
  const store = await open(location)
  expect(String(await store.get('b'))).toBe('2')
  await store.close()
})
