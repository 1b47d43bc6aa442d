/** Hostile logs: headers, groups and entries of any bytes, and changed ones. */
import { expect, test } from 'vitest'
import { KIND_PUT } from '../entry.ts'
import { FUZZ_TIMEOUT_MS, decoded, fuzz, mutated } from '../test-support/fuzz.ts'
import {
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  WalEntryReader,
  putWalEntryHead,
  putWalHeader,
  readWalGroup,
  readWalHeader,
  sealWalGroup,
} from './wal-format.ts'

const HEADER = { number: 9, salt: 77 }

/** A log of one group of three entries. */
function soundLog(): Uint8Array {
  const bytes = new Uint8Array(300)
  putWalHeader(bytes, HEADER)
  const start = WAL_HEADER_SIZE_BYTES
  let at = start + WAL_GROUP_HEADER_SIZE_BYTES
  for (const valueSize of [5, 0, 100]) {
    at = putWalEntryHead(bytes, at, KIND_PUT, 3, valueSize) + 3 + valueSize
  }
  sealWalGroup(bytes, HEADER, start, at, 3, 100, { number: 8, offset: 99 })
  return bytes.slice(0, at)
}

const SOUND = soundLog()

test('what is read of a log lies within it', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await fuzz(10_000, (random) => {
    const bytes = random.below(4) === 0 ? random.bytes(random.below(200)) : mutated(random, SOUND)
    const header = decoded(() => readWalHeader(bytes, bytes.length, '000009.wal'))
    const group = decoded(() => readWalGroup(bytes, bytes.length, header ?? HEADER, WAL_HEADER_SIZE_BYTES))
    expect(group === undefined || group.endOffset <= bytes.length).toBe(true)
  })
})

test(
  'entries under right checksums end within their group, each behind the one before',
  {
    timeout: FUZZ_TIMEOUT_MS,
  },
  async () => {
    await fuzz(10_000, (random) => {
      const start = WAL_HEADER_SIZE_BYTES
      const payload = start + WAL_GROUP_HEADER_SIZE_BYTES
      const bytes = mutated(random, SOUND, payload)
      const count = [3, 0, 1, 2 ** 32 - 1][random.below(4)] ?? 3
      const base = [100, 0, 2 ** 52, 2 ** 53][random.below(4)] ?? 100
      sealWalGroup(bytes, HEADER, start, bytes.length, count, base, {
        number: random.below(2 ** 31),
        offset: 2 ** 32 - 1,
      })
      const group = readWalGroup(bytes, bytes.length, HEADER, start)
      expect(group === undefined || (group.count > 0 && group.baseSequence + group.count - 1 <= 2 ** 52)).toBe(true)
      const reader = new WalEntryReader()
      reader.reset(bytes, payload, bytes.length, '000009.wal')
      decoded(() => {
        for (let before = payload; reader.next(); before = reader.endOffset) {
          expect(reader.endOffset > before && reader.endOffset <= bytes.length).toBe(true)
          expect(reader.valueOffset + reader.valueSize).toBe(reader.endOffset)
        }
      })
    })
  },
)
