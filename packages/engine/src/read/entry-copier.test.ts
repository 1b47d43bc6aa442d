import { Block, ROLE_DATA } from '@varve/storage'
import { expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import { EntryCopier } from './entry-copier.ts'

test('copies are what was there, whatever becomes of the source, and no two share a byte', () => {
  forEachSeed(5, (random) => {
    const copier = new EntryCopier()
    const copies: [Buffer, Buffer][] = []
    const expected: [Buffer, Buffer][] = []
    for (let n = 0; n < 20; n++) {
      const bytes = random.bytes(200 + random.below(9000))
      const [start, end] = [random.below(50), bytes.length - random.below(50)]
      const block = new Block(bytes, start, end, 1, ROLE_DATA, 'x', 0)
      // Many entries of a block, or few.
      const count = random.pick([1, 3, 12, 40])
      let offset = start
      for (let i = 0; i < count; i++) {
        const key = random.bytes(random.below(40))
        const valueSize = random.below(Math.floor((end - offset) / 2) + 1)
        const entry = {
          keyBytes: key,
          keyOffset: 0,
          keySize: key.length,
          valueBytes: bytes,
          valueOffset: offset,
          valueSize,
          valueBlock: random.below(5) === 0 ? undefined : block,
        }
        expected.push([Buffer.from(key), Buffer.from(bytes.subarray(offset, offset + valueSize))])
        copies.push(copier.copy(entry))
        key.fill(0)
        offset += valueSize
      }
      bytes.fill(0)
    }
    const same = (copy: Buffer, wanted: Buffer | undefined): boolean => wanted !== undefined && copy.equals(wanted)
    expect(copies.every(([key, value], i) => same(key, expected[i]?.[0]) && same(value, expected[i]?.[1]))).toBe(true)
    expect(copies.every((copy) => copy.every((part) => Object.getPrototypeOf(part) === Buffer.prototype))).toBe(true)
    for (const [i, [key, value]] of copies.entries()) {
      key.fill(i)
      value.fill(i + 1)
    }
    const isFilled = (bytes: Buffer, byte: number): boolean => bytes.equals(Buffer.alloc(bytes.length, byte))
    expect(copies.every(([key, value], i) => isFilled(key, i) && isFilled(value, i + 1))).toBe(true)
  })
})

test('an iterator that turns back gets a value of its own for each time', () => {
  const copier = new EntryCopier()
  const blockOf = (fill: number): Block => new Block(new Uint8Array(400).fill(fill), 0, 400, 1, ROLE_DATA, 'x', fill)
  const take = (block: Block, i: number): Buffer => {
    const bytes = { keyBytes: block.bytes, keyOffset: 0, keySize: 0, valueBytes: block.bytes, valueOffset: i * 10 }
    return copier.copy({ ...bytes, valueSize: 10, valueBlock: block })[1]
  }
  const [scanned, turned] = [blockOf(1), blockOf(2)]
  for (let i = 0; i < 40; i++) {
    take(scanned, i)
  }
  // Forward to the 20th, back to the 5th, forward again, each written to by whoever got it.
  const steps = [...Array(20).keys(), ...Array.from({ length: 15 }, (_, i) => 19 - i), ...Array(40).keys()]
  for (const i of steps) {
    const value = take(turned, i)
    expect(value).toEqual(Buffer.alloc(10, 2))
    value.fill(0xff)
  }
})
