import { KIND_DELETE, KIND_PUT } from '@varve/storage'
import { describe, expect, test } from 'vitest'
import { VersionFilter } from './version-filter.ts'

interface Version {
  readonly sequence: number
  readonly kind: number
}

const SEQUENCE_MAX_TRIED = 6

/** Newest first. */
function kept(versions: readonly Version[], live: readonly number[], dropsTombstones: boolean): Version[] {
  const filter = new VersionFilter(live, dropsTombstones)
  filter.startKey()
  return versions.filter((version) => filter.keeps(version.sequence, version.kind))
}

/** What a reader at `sequence` sees: the value's sequence, or undefined. Older tables hold a value if `older` says so. */
function seen(versions: readonly Version[], sequence: number, older: Version | undefined): number | undefined {
  const all = older === undefined ? versions : [...versions, older]
  const version = all.find((candidate) => candidate.sequence <= sequence)
  return version?.kind === KIND_PUT ? version.sequence : undefined
}

/** All subsets of 1..6 as bit masks, with a kind for each member. */
function* histories(): Generator<Version[]> {
  for (let members = 0; members < 1 << SEQUENCE_MAX_TRIED; members++) {
    const sequences = [6, 5, 4, 3, 2, 1].filter((sequence) => (members >> (sequence - 1)) & 1)
    for (let kinds = 0; kinds < 1 << sequences.length; kinds++) {
      yield sequences.map((sequence, i) => ({ sequence, kind: (kinds >> i) & 1 ? KIND_PUT : KIND_DELETE }))
    }
  }
}

function* liveSets(): Generator<number[]> {
  for (let members = 1; members < 1 << (SEQUENCE_MAX_TRIED + 1); members++) {
    yield [0, 1, 2, 3, 4, 5, 6].filter((sequence) => (members >> sequence) & 1)
  }
}

describe('every history of one key of up to six versions, under every set of live sequences', () => {
  test('without dropping tombstones, exactly what the rule names is kept', () => {
    for (const versions of histories()) {
      for (const live of liveSets()) {
        const last = live.at(-1) as number
        const needed = versions.filter(
          (version, i) =>
            version.sequence > last ||
            live.some((s) => version.sequence <= s && !versions.slice(0, i).some((newer) => newer.sequence <= s)),
        )
        const result = kept(versions, live, false)
        if (JSON.stringify(result) !== JSON.stringify(needed)) {
          expect({ versions, live, result }).toEqual({ versions, live, result: needed })
        }
      }
    }
  })

  test('R4, R6: no reader, live or to come, sees another value afterwards', () => {
    const older: Version = { sequence: 0, kind: KIND_PUT }
    for (const versions of histories()) {
      for (const live of liveSets()) {
        const last = live.at(-1) as number
        const readers = [...live, ...[0, 1, 2, 3, 4, 5, 6].filter((sequence) => sequence > last)]
        for (const dropsTombstones of [false, true]) {
          const result = kept(versions, live, dropsTombstones)
          // Where tombstones stay, something older may stand below the job's inputs.
          const below = dropsTombstones ? undefined : older
          for (const reader of readers) {
            if (seen(result, reader, below) !== seen(versions, reader, below)) {
              expect({ versions, live, dropsTombstones, reader, result }).toBe('the same for this reader')
            }
          }
        }
      }
    }
  })

  test('a change above the oldest live sequence leaves a version above it, also when it was a deletion', () => {
    for (const versions of histories()) {
      for (const live of liveSets()) {
        for (const since of live) {
          const changed = versions.some((version) => version.sequence > since)
          const result = kept(versions, live, true)
          if (result.some((version) => version.sequence > since) !== changed) {
            expect({ versions, live, since, result }).toBe('a conflict found')
          }
        }
      }
    }
  })

  test('at the bottom, with one live sequence, tombstones at or below it all go', () => {
    for (const versions of histories()) {
      const result = kept(versions, [SEQUENCE_MAX_TRIED], true)
      const newest = versions[0]
      expect(result).toEqual(newest?.kind === KIND_PUT ? [newest] : [])
    }
  })
})

test('the same version twice is kept once', () => {
  const version = { sequence: 5, kind: KIND_PUT }
  expect(kept([version, version], [9], false)).toEqual([version])
  expect(kept([version, version], [3], false)).toEqual([version])
  expect(kept([version, version], [5, 6], false)).toEqual([version])
})

test('live sequences are refused if there are none or they descend', () => {
  expect(() => new VersionFilter([], false)).toThrow('newest visible')
  expect(() => new VersionFilter([2, 1], false)).toThrow('ascend')
})

test('at the bottom a version that every reader sees has no number any more, and readers see the same (R6)', () => {
  for (const versions of histories()) {
    for (const live of liveSets()) {
      const filter = new VersionFilter(live, true)
      const oldest = live[0] ?? 0
      const result = kept(versions, live, true)
      const written = result.map((version) => ({ ...version, sequence: filter.writtenSequence(version.sequence) }))
      const isRight =
        written.every(
          ({ sequence }, i) => sequence === (i < written.length - 1 || sequence > oldest ? result[i]?.sequence : 0),
        ) &&
        live.every((reader) => {
          const before = seen(versions, reader, undefined)
          return seen(written, reader, undefined) === (before !== undefined && before <= oldest ? 0 : before)
        })
      if (!isRight) {
        expect({ versions, live, written }).toBe('what readers see as before')
      }
    }
  }
  expect(new VersionFilter([5], false).writtenSequence(3), 'not above the bottom').toBe(3)
})
