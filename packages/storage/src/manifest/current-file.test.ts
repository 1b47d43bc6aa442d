import { expect, test } from 'vitest'
import { CorruptionError, isNotFound } from '../errors.ts'
import { fileNumber } from '../file-names.ts'
import { MemoryFiles } from '../test-support/memory-files.ts'
import { readCurrent, replaceCurrent } from './current-file.ts'

const PATH = '/d/CURRENT'

async function readText(bytes: Uint8Array): Promise<number> {
  const files = new MemoryFiles()
  files.set(PATH, bytes)
  return await readCurrent(files, '/d')
}

test('CURRENT has its pinned bytes and names its manifest', async () => {
  const files = new MemoryFiles()
  await replaceCurrent(files, '/d', fileNumber(7))
  expect(Buffer.from(files.bytesOf(PATH)).toString('latin1')).toBe('MANIFEST-000007 b366fa16\n')
  expect(await readCurrent(files, '/d')).toBe(7)
  await replaceCurrent(files, '/d', fileNumber(10 ** 15 - 1))
  expect(await readCurrent(files, '/d')).toBe(10 ** 15 - 1)
})

test('CURRENT is refused with any bit flipped, cut at any length, or with anything behind it', async () => {
  const whole = Buffer.from('MANIFEST-000007 b366fa16\n', 'latin1')
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const flipped = whole.with(bit >>> 3, (whole[bit >>> 3] ?? 0) ^ (1 << (bit & 7)))
    await expect(readText(flipped), `bit ${bit}`).rejects.toThrow(CorruptionError)
  }
  for (let length = 0; length < whole.length; length++) {
    await expect(readText(whole.subarray(0, length)), `cut at ${length}`).rejects.toThrow(CorruptionError)
  }
  for (const text of [
    'MANIFEST-000007 b366fa16\n\n',
    'MANIFEST-000007 b366fa16\r\n',
    'MANIFEST-000007  b366fa16\n',
    'MANIFEST-000007 B366FA16\n',
    'MANIFEST-000007\n',
    'MANIFEST-000008 b366fa16\n',
    '000007.wal b366fa16\n',
    `MANIFEST-000007 b366fa16\n${' '.repeat(60)}`,
  ]) {
    await expect(readText(Buffer.from(text)), JSON.stringify(text)).rejects.toThrow(CorruptionError)
  }
})

test('a missing CURRENT is "no such file", not corruption', async () => {
  const error: unknown = await readCurrent(new MemoryFiles(), '/d').catch((thrown: unknown) => thrown)
  expect(isNotFound(error)).toBe(true)
})

test('CURRENT is written aside, made durable, renamed, and its directory synced, in this order', async () => {
  const files = new MemoryFiles()
  files.set(`${PATH}.tmp`, Buffer.from('left by a crash, and longer than what is written now'))
  await replaceCurrent(files, '/d', fileNumber(7))
  expect(files.log).toEqual([
    `remove ${PATH}.tmp`,
    `create ${PATH}.tmp`,
    `write ${PATH}.tmp`,
    `sync ${PATH}.tmp`,
    `close ${PATH}.tmp`,
    `rename ${PATH}.tmp ${PATH}`,
    'sync directory /d',
  ])
  expect(await readCurrent(files, '/d')).toBe(7)
})

test('where the new one cannot be made durable, the old one stays', async () => {
  const files = new MemoryFiles()
  await replaceCurrent(files, '/d', fileNumber(7))
  const open = files.open.bind(files)
  files.open = async (path, mode) =>
    Object.assign(await open(path, mode), { dataSync: () => Promise.reject(new Error('EIO')) })
  files.log.length = 0
  await expect(replaceCurrent(files, '/d', fileNumber(8))).rejects.toThrow('EIO')
  expect(files.log).toEqual([`create ${PATH}.tmp`, `write ${PATH}.tmp`, `close ${PATH}.tmp`])
  expect(await readCurrent(files, '/d')).toBe(7)
})
