import { expect, test } from 'vitest'
import { CorruptionError, IoError } from '../errors.ts'
import { forEachSeed } from '../test-support/seeds.ts'
import type { File } from './env.ts'
import { readFully, readFullySync, readSmallFile, writeFully, writeFullySync } from './file-io.ts'

/** A file whose system does as little as it likes at a time, down to what `step` says. */
class ShortFile implements File {
  readonly path = '/d/000012.wal'
  readonly bytes: Uint8Array
  closeCount = 0
  readonly #step: () => number

  constructor(bytes: Uint8Array, step: () => number) {
    this.bytes = bytes
    this.#step = step
  }

  sizeSync(): number {
    return this.bytes.length
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#step(), this.bytes.length - position))
    into.set(this.bytes.subarray(position, position + count), offset)
    return count
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.readSync(into, offset, length, position)
  }

  writeSync(from: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.min(length, this.#step())
    this.bytes.set(from.subarray(offset, offset + count), position)
    return count
  }

  async write(from: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.writeSync(from, offset, length, position)
  }

  async dataSync(): Promise<void> {}

  dataSyncSync(): void {}

  async truncate(): Promise<void> {}

  async close(): Promise<void> {
    this.closeCount++
  }

  closeSync(): void {}
}

function inPromise(run: typeof writeFullySync): typeof writeFully {
  return async (...parameters) => run(...parameters)
}

const DATA = Uint8Array.from({ length: 100 }, (_, i) => i + 1)

test('short writes are continued where they stopped, and nothing else is written', async () => {
  for (const step of [1, 2, 7, 99, 100]) {
    for (const run of [inPromise(writeFullySync), writeFully]) {
      const file = new ShortFile(new Uint8Array(200), () => step)
      await run(file, DATA, 10, 50, 30)
      const expected = new Uint8Array(200)
      expected.set(DATA.subarray(10, 60), 30)
      expect(file.bytes, `${step} at a time`).toEqual(expected)
    }
  }
})

test('short reads are continued where they stopped, and nothing else is touched', async () => {
  for (const step of [1, 2, 7, 99, 100]) {
    for (const run of [inPromise(readFullySync), readFully]) {
      const into = new Uint8Array(80).fill(0xee)
      await run(new ShortFile(DATA, () => step), into, 5, 50, 20)
      const expected = new Uint8Array(80).fill(0xee)
      expected.set(DATA.subarray(20, 70), 5)
      expect(into, `${step} at a time`).toEqual(expected)
    }
  }
})

test('reads and writes of any lengths at random steps are whole', () => {
  forEachSeed(50, (random) => {
    const file = new ShortFile(new Uint8Array(300), () => 1 + random.below(9))
    const from = random.bytes(100)
    const length = random.below(90)
    const position = random.below(200)
    writeFullySync(file, from, 3, length, position)
    const back = new Uint8Array(length)
    readFullySync(file, back, 0, length, position)
    expect(Buffer.compare(back, from.subarray(3, 3 + length))).toBe(0)
    expect(file.bytes.reduce((sum, byte) => sum + byte, 0)).toBe(back.reduce((sum, byte) => sum + byte, 0))
  })
})

test('a system that writes nothing is an error, not an endless loop', async () => {
  const file = (): ShortFile => new ShortFile(new Uint8Array(200), () => 0)
  expect(() => writeFullySync(file(), DATA, 0, 10, 0)).toThrow(IoError)
  await expect(writeFully(file(), DATA, 0, 10, 0)).rejects.toThrow(/000012\.wal/)
  expect(() => writeFullySync(file(), DATA, 0, 0, 0), 'nothing to write is no error').not.toThrow()
})

test('a file that ends before what is to be read is corruption at its end', async () => {
  const into = new Uint8Array(200)
  const file = new ShortFile(DATA, () => 30)
  expect(() => readFullySync(file, into, 0, 50, 60)).toThrow(CorruptionError)
  await expect(readFully(file, into, 0, 50, 60)).rejects.toMatchObject({
    code: 'VARVE_CORRUPTION',
    path: file.path,
    offset: 100,
    message: expect.stringContaining('10 bytes early'),
  })
})

test('a small file is read whole and closed; one that is larger than possible is corruption, and closed', async () => {
  const file = new ShortFile(DATA, () => 7)
  const files = { open: async () => file } as unknown as Parameters<typeof readSmallFile>[0]
  expect(await readSmallFile(files, file.path, 100)).toEqual(DATA)
  expect(file.closeCount).toBe(1)
  await expect(readSmallFile(files, file.path, 99)).rejects.toThrow(CorruptionError)
  expect(file.closeCount).toBe(2)
})
