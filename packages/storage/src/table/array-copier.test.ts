import { expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import { ArrayCopier } from './array-copier.ts'

test('slices of any size and place are copied, and nothing beside them', () => {
  forEachSeed(5, (random) => {
    const copier = new ArrayCopier()
    // Views into larger memory, plain and shared: offsets must count from where they begin.
    const sources = [new Uint8Array(new SharedArrayBuffer(1100), 60), new Uint8Array(new ArrayBuffer(1000), 7)]
    const targets = [new Uint8Array(new ArrayBuffer(1200), 33), new Uint8Array(1100), ...sources]
    for (const bytes of new Set([...sources, ...targets])) {
      bytes.forEach((_, i) => (bytes[i] = random.below(256)))
    }
    for (let i = 0; i < 100; i++) {
      const from = sources[random.below(sources.length)] as Uint8Array
      const into = targets[random.below(targets.length)] as Uint8Array
      const size = random.below(2) === 0 ? random.below(70) : random.below(600)
      const fromOffset = random.below(from.length - size)
      const intoOffset = random.below(into.length - size)
      const expected = [...into]
      expected.splice(intoOffset, size, ...from.slice(fromOffset, fromOffset + size))
      copier.copy(into, intoOffset, from, fromOffset, size)
      expect(Buffer.compare(into, Uint8Array.from(expected))).toBe(0)
    }
    const whole = random.bytes(random.below(500))
    copier.copy(targets[0] as Uint8Array, 3, whole, 0, whole.length)
    expect(Buffer.compare((targets[0] as Uint8Array).subarray(3, 3 + whole.length), whole)).toBe(0)
  })
})
