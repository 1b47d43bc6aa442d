import { describe, expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import type { KeyRange } from '../version/version.ts'
import { KeyRangeSet } from './key-range-set.ts'

function range(lower: string | undefined, upper: string | undefined): KeyRange {
  return { lower: bytes(lower), upper: bytes(upper) }
}

function bytes(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text)
}

/** The ranges of a set as text. */
function shown(set: KeyRangeSet): string[] {
  return set.ranges.map(({ lower, upper }) => `${text(lower)}..${text(upper)}`)
}

function text(key: Uint8Array | undefined): string {
  return key === undefined ? '' : Buffer.from(key).toString()
}

describe('ranges are sorted and merged', () => {
  test.each<[string, KeyRange[], string[]]>([
    ['none', [], []],
    ['empty ones go', [range('b', 'b'), range('c', 'a'), range(undefined, '')], []],
    ['apart', [range('c', 'd'), range('a', 'b')], ['a..b', 'c..d']],
    ['touching', [range('b', 'c'), range('a', 'b')], ['a..c']],
    ['nested', [range('b', 'c'), range('a', 'd')], ['a..d']],
    ['open below', [range('b', 'c'), range(undefined, 'a')], ['..a', 'b..c']],
    ['open above', [range('b', undefined), range('a', 'c'), range('x', 'y')], ['a..']],
    ['all', [range('b', 'c'), range(undefined, undefined)], ['..']],
  ])('%s', (_name, ranges, merged) => {
    expect(shown(new KeyRangeSet(ranges))).toEqual(merged)
    expect(new KeyRangeSet(ranges).isEmpty).toBe(merged.length === 0)
  })
})

test('a key is in the set if it is in one of the ranges', () => {
  forEachSeed(200, (random) => {
    const key = (): string => 'abc'.slice(0, random.below(3)) + String.fromCharCode(97 + random.below(8))
    const bound = (): string | undefined => (random.below(8) === 0 ? undefined : key())
    const ranges = Array.from({ length: random.below(6) }, () => range(bound(), bound()))
    const set = new KeyRangeSet(ranges)
    for (let i = 0; i < 20; i++) {
      const probe = Buffer.from(`..${key()}`)
      const included = ranges.some(
        ({ lower, upper }) =>
          (lower === undefined || Buffer.compare(lower, probe.subarray(2)) <= 0) &&
          (upper === undefined || Buffer.compare(probe.subarray(2), upper) < 0),
      )
      const what = { ranges: shown(set), key: text(probe) }
      expect({ ...what, is: set.includes(probe, 2, probe.length - 2) }).toEqual({ ...what, is: included })
    }
  })
})
