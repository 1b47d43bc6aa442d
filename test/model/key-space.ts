/** The few hundred keys that a model test writes again and again: every shape of key that has ever broken a store. */
import type { SeededRandom } from '../harness/random.ts'

export function makeKeys(random: SeededRandom): Buffer[] {
  const long = Buffer.alloc(300, 'a long shared prefix / ')
  const keys = [
    Buffer.alloc(0),
    ...[0x00, 0x01, 0x61, 0x7f, 0x80, 0xfe, 0xff].map((byte) => Buffer.from([byte])),
    ...['a', 'ab', 'abc', 'abcd', 'abcde', 'b', 'é', '日本', '\u{1f30a}'].map((text) => Buffer.from(text)),
    ...Array.from({ length: 60 }, () => binaryKey(random)),
    ...Array.from({ length: 120 }, (_, i) => Buffer.from(`user:${String(i * 7).padStart(6, '0')}:name`)),
    ...Array.from({ length: 120 }, (_, i) => Buffer.from(`user:${String(i * 7).padStart(6, '0')}`)),
    ...Array.from({ length: 20 }, (_, i) => Buffer.concat([long, Buffer.from([i * 13])])),
    ...Array.from({ length: 60 }, () => random.bytes(random.between(1, 24))),
    Buffer.alloc(5000, 'longer than a block '),
    Buffer.alloc(40, 0xff),
    Buffer.alloc(40, 0x00),
  ]
  return [...new Map(keys.map((key) => [key.toString('latin1'), key])).values()]
}

/** Zeros and 0xff, where a bound is easily set one too far. */
function binaryKey(random: SeededRandom): Buffer {
  return Buffer.from(
    Array.from({ length: random.between(2, 6) }, () => random.pick([0x00, 0x00, 0x01, 0x7f, 0xfe, 0xff, 0xff])),
  )
}
