import { AssertionError, ClosedError, WAL_HEADER_SIZE_BYTES, fileNumber, readWalHeader } from '@varve/storage'
import { expect, test } from 'vitest'
import { MemoryEnv, settle } from '../test-support/memory-env.ts'
import { Wal } from './wal.ts'

const arena = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff))

async function readyWal(): Promise<{ env: MemoryEnv; wal: Wal }> {
  const env = new MemoryEnv()
  const wal = new Wal(env, '/d', fileNumber(12))
  await wal.ready
  return { env, wal }
}

test('a log is ready when its header is written and its directory entry durable', async () => {
  const env = new MemoryEnv()
  const wal = new Wal(env, '/d', fileNumber(12))
  expect(wal.isReady).toBe(false)
  await wal.ready
  expect(wal.isReady).toBe(true)
  expect(env.files.log).toEqual([
    'create /d/000012.wal',
    `write /d/000012.wal 0+${WAL_HEADER_SIZE_BYTES}`,
    `sync /d/000012.wal at ${WAL_HEADER_SIZE_BYTES}`,
    'synced /d/000012.wal',
    'sync directory /d',
  ])
  const bytes = env.files.bytesOf('/d/000012.wal')
  expect(readWalHeader(bytes, bytes.length, wal.path)).toEqual(wal.header)
  expect(new Wal(env, '/d', fileNumber(13)).header.salt, 'salts differ').not.toBe(wal.header.salt)
})

test('what is appended stands in the file at the offsets that it has in the arena', async () => {
  const { env, wal } = await readyWal()
  wal.appendSync(arena, 100)
  env.files.log.length = 0
  await wal.append(arena, 950, 64)
  wal.appendSync(arena, 1000)
  expect(env.files.bytesOf(wal.path).subarray(WAL_HEADER_SIZE_BYTES)).toEqual(arena.subarray(WAL_HEADER_SIZE_BYTES))
  expect(wal.writtenOffset).toBe(1000)
  const sizes = env.files.log.map((line) => Number(line.split('+')[1] ?? 0))
  expect(sizes.filter((size) => size === 64)).toHaveLength(13)
  expect(Math.max(...sizes.slice(0, -1)), 'in slices').toBe(64)
})

test('a log without groups needs no sync; one is synced up to what was written when the sync began', async () => {
  const { env, wal } = await readyWal()
  expect(wal.hasUnsynced).toBe(false)
  wal.appendSync(arena, 100)
  const release = env.files.hold('dataSync')
  const syncing = wal.sync()
  wal.appendSync(arena, 200)
  release()
  await syncing
  expect([wal.syncedOffset, wal.hasUnsynced]).toEqual([100, true])
  await wal.sync()
  expect([wal.syncedOffset, wal.hasUnsynced]).toEqual([200, false])
})

test('a log that could not be made never rejects, and says why it is of no use', async () => {
  for (const operation of ['open', 'write', 'dataSync', 'syncDirectory'] as const) {
    const env = new MemoryEnv()
    env.files.fail(operation)
    const wal = new Wal(env, '/d', fileNumber(12))
    await wal.ready
    expect([wal.isReady, wal.failure?.code], operation).toEqual([false, 'VARVE_IO'])
    expect(() => wal.appendSync(arena, 100)).toThrow(AssertionError)
    await wal.close()
    expect(env.files.openCount, 'and its file is closed').toBe(0)
  }
})

test('after a failed write or sync the file is left alone', async () => {
  for (const operation of ['write', 'dataSync'] as const) {
    const { env, wal } = await readyWal()
    wal.appendSync(arena, 100)
    env.files.fail(operation)
    await expect(operation === 'write' ? wal.append(arena, 200, 50) : wal.sync()).rejects.toMatchObject({
      code: 'VARVE_IO',
    })
    env.files.heal()
    expect([wal.writtenOffset, wal.syncedOffset, wal.hasUnsynced]).toEqual([100, 0, true])
    await expect(wal.sync()).rejects.toThrow(AssertionError)
    expect(() => wal.appendSync(arena, 200)).toThrow(AssertionError)
    await wal.close()
    expect(env.files.openCount).toBe(0)
  }
})

test('a file is closed only when nothing is in flight on it, and once', async () => {
  const { env, wal } = await readyWal()
  wal.appendSync(arena, 100)
  const release = env.files.hold('dataSync')
  const syncing = wal.sync()
  const closing = wal.close()
  await settle()
  expect(env.files.openCount).toBe(1)
  release()
  await Promise.all([syncing, closing])
  expect(env.files.openCount).toBe(0)
  expect(wal.syncedOffset, 'what was in flight counts').toBe(100)
  await wal.close()
  expect(wal.failure).toBeInstanceOf(ClosedError)
  expect(env.files.log.filter((line) => line.startsWith('close'))).toHaveLength(1)
})

test('closing a log that is still being made waits for that', async () => {
  const env = new MemoryEnv()
  const release = env.files.hold('open')
  const wal = new Wal(env, '/d', fileNumber(12))
  const closing = wal.close()
  await settle()
  release()
  await closing
  expect(env.files.openCount).toBe(0)
})
