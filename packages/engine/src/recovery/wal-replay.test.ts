import {
  CorruptionError,
  KIND_PUT,
  UnsupportedError,
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  fileNumber,
  putWalEntryHead,
  putWalHeader,
  sealWalGroup,
  walEntrySizeBytes,
  walFileName,
  type ClosedWal,
  type WalPosition,
} from '@varve/storage'
import { expect, test } from 'vitest'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { replayWals, type WalReplay } from './wal-replay.ts'

const LAST_SEQUENCE = 100
const NOTHING: WalPosition = { number: 0, offset: 0 }
/** A group of one entry: key of 8 bytes, value of 20. */
const GROUP_SIZE_BYTES = WAL_GROUP_HEADER_SIZE_BYTES + walEntrySizeBytes(KIND_PUT, 8, 20)

/** Where the i-th group of a log begins. */
const groupOffset = (i: number): number => WAL_HEADER_SIZE_BYTES + i * GROUP_SIZE_BYTES

/** The image of a log; each group has one entry, and says what was durable when it was written. */
function walImage(number: number, baseSequence: number, synced: readonly WalPosition[]): Buffer {
  const bytes = Buffer.alloc(groupOffset(synced.length))
  const header = { number, salt: number * 1000 }
  putWalHeader(bytes, header)
  synced.forEach((position, i) => {
    const offset = groupOffset(i)
    const keyOffset = putWalEntryHead(bytes, offset + WAL_GROUP_HEADER_SIZE_BYTES, KIND_PUT, 8, 20)
    bytes.fill(`key ${number}-${i}`, keyOffset, keyOffset + 28)
    sealWalGroup(bytes, header, offset, groupOffset(i + 1), 1, baseSequence + i, position)
  })
  return bytes
}

async function replay(
  images: ReadonlyMap<number, Uint8Array>,
  closedWals: readonly ClosedWal[] = [],
  logNumber = 1,
): Promise<WalReplay> {
  const env = new MemoryEnv()
  for (const [number, bytes] of images) {
    env.files.set(`/d/${walFileName(fileNumber(number))}`, bytes)
  }
  try {
    return await replayWals(env, '/d', [...images.keys()].map(fileNumber), {
      logNumber: fileNumber(logNumber),
      lastSequence: LAST_SEQUENCE,
      closedWals,
    })
  } finally {
    expect(env.files.openCount, 'all files are closed').toBe(0)
    expect(
      env.files.log.filter((line) => !line.startsWith('close')),
      'nothing is changed',
    ).toEqual([])
  }
}

const isDamageAt = (number: number, offset: number): object => ({
  code: 'VARVE_CORRUPTION',
  path: `/d/${walFileName(fileNumber(number))}`,
  offset,
})

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes[at] ?? 0) ^ 1)

test('whole logs are read in order, each with its place in the sequence', async () => {
  const result = await replay(
    new Map([
      [5, walImage(5, 101, [NOTHING, NOTHING])],
      [999_999, walImage(999_999, 103, [NOTHING])],
      [1_000_000, walImage(1_000_000, 104, [NOTHING, NOTHING, NOTHING])],
    ]),
  )
  expect(result).toMatchObject({ lastSequence: 106, cutOff: [], tornSizeBytes: 0 })
  expect(
    result.wals.map(({ number, firstSequence, entryCount, committedSizeBytes }) => [
      number,
      firstSequence,
      entryCount,
      committedSizeBytes,
    ]),
  ).toEqual([
    [5, 101, 2, groupOffset(2)],
    [999_999, 103, 1, groupOffset(1)],
    [1_000_000, 104, 3, groupOffset(3)],
  ])
})

test('no logs, and logs without groups, are nothing', async () => {
  expect(await replay(new Map())).toEqual({ wals: [], lastSequence: 100, cutOff: [], tornSizeBytes: 0 })
  const empty = await replay(new Map([[5, walImage(5, 101, [])]]))
  expect(empty).toMatchObject({ wals: [], lastSequence: 100, tornSizeBytes: 0 })
})

test('zeros behind the last group are a clean end, and the next log goes on', async () => {
  const padded = Buffer.concat([walImage(5, 101, [NOTHING]), Buffer.alloc(5000)])
  const result = await replay(
    new Map([
      [5, padded],
      [6, walImage(6, 102, [NOTHING])],
    ]),
  )
  expect(result).toMatchObject({ lastSequence: 102, cutOff: [], tornSizeBytes: 0 })
  expect(result.wals[0]?.committedSizeBytes).toBe(groupOffset(1))
})

test('a tail that was never promised is cut, at whatever length it is torn', async () => {
  const whole = walImage(5, 101, [NOTHING, NOTHING, { number: 5, offset: groupOffset(1) }])
  for (let length = 0; length < whole.length; length++) {
    const result = await replay(new Map([[5, whole.subarray(0, length)]]))
    const count = Math.max(0, Math.floor((length - WAL_HEADER_SIZE_BYTES) / GROUP_SIZE_BYTES))
    const kept = length < WAL_HEADER_SIZE_BYTES ? length : groupOffset(count)
    expect([result.lastSequence, result.tornSizeBytes], `cut at ${length}`).toEqual([100 + count, length - kept])
  }
})

test('a group of which any byte is wrong ends the log, and what was not promised behind it goes', async () => {
  const whole = walImage(5, 101, [NOTHING, NOTHING, NOTHING])
  for (let at = groupOffset(1); at < groupOffset(2); at++) {
    const result = await replay(new Map([[5, flipped(whole, at)]]))
    expect([result.lastSequence, result.tornSizeBytes], `byte ${at}`).toEqual([101, 2 * GROUP_SIZE_BYTES])
  }
})

test('damage that a later group of the same log shows to have been durable is corruption at its place', async () => {
  const synced = { number: 5, offset: groupOffset(2) }
  const whole = walImage(5, 101, [NOTHING, NOTHING, synced])
  for (let at = groupOffset(1); at < groupOffset(2); at++) {
    await expect(replay(new Map([[5, flipped(whole, at)]])), `byte ${at}`).rejects.toMatchObject(
      isDamageAt(5, groupOffset(1)),
    )
  }
  const before = walImage(5, 101, [NOTHING, NOTHING, { number: 5, offset: groupOffset(1) }])
  const result = await replay(new Map([[5, flipped(before, groupOffset(1) + 50)]]))
  expect(result.lastSequence, 'durable up to the place, and not beyond').toBe(101)
})

test('damage that a later log shows to have been durable is corruption at its place', async () => {
  const first = walImage(5, 101, [NOTHING, NOTHING])
  const second = walImage(6, 103, [{ number: 5, offset: groupOffset(2) }])
  for (const damaged of [
    flipped(first, groupOffset(1) + 10),
    first.subarray(0, groupOffset(2) - 1),
    first.subarray(0, groupOffset(1)),
    Buffer.concat([first.subarray(0, groupOffset(1)), Buffer.alloc(GROUP_SIZE_BYTES)]),
  ]) {
    const error = replay(
      new Map([
        [5, damaged],
        [6, second],
      ]),
    )
    await expect(error).rejects.toThrow(CorruptionError)
    await expect(error).rejects.toThrow(/shows at offset 32 that it was durable/)
  }
})

test('without such a promise, later logs are cut off with it and named', async () => {
  const first = walImage(5, 101, [NOTHING, NOTHING])
  const later: [number, Uint8Array][] = [
    [6, walImage(6, 103, [{ number: 5, offset: groupOffset(1) }])],
    [7, walImage(7, 104, [])],
    [8, walImage(8, 104, [NOTHING])],
  ]
  const result = await replay(new Map([[5, flipped(first, groupOffset(1) + 10)], ...later]))
  expect(result).toMatchObject({ lastSequence: 101, cutOff: [6, 8], tornSizeBytes: GROUP_SIZE_BYTES })
  expect(result.wals.map(({ number }) => number)).toEqual([5])
})

test('a missing log whose contents were synced is corruption', async () => {
  const promised = walImage(7, 104, [NOTHING, { number: 6, offset: groupOffset(1) }])
  await expect(
    replay(
      new Map([
        [5, walImage(5, 101, [NOTHING])],
        [7, promised],
      ]),
    ),
  ).rejects.toMatchObject({
    code: 'VARVE_CORRUPTION',
    message: expect.stringContaining('groups before sequence 104 are missing'),
  })
})

test('a missing log whose contents were never synced is where reading stops', async () => {
  const result = await replay(
    new Map([
      [5, walImage(5, 101, [NOTHING])],
      [7, walImage(7, 104, [NOTHING])],
    ]),
  )
  expect(result).toMatchObject({ lastSequence: 101, tornSizeBytes: GROUP_SIZE_BYTES })
  expect(result.wals.map(({ number }) => number)).toEqual([5])
  expect(result.cutOff, 'set aside, as others that hold groups behind the place').toEqual([7])
})

test('that a log was durable which has been flushed since is no promise about those behind it', async () => {
  const whole = walImage(6, 101, [NOTHING, { number: 5, offset: groupOffset(9) }])
  const torn = flipped(whole, groupOffset(0) + 10)
  const result = await replay(new Map([[6, torn]]), [], 6)
  expect(result).toMatchObject({ wals: [], lastSequence: 100, tornSizeBytes: 2 * GROUP_SIZE_BYTES })
  await expect(replay(new Map([[6, torn]]), [], 5), 'log 5 counts, and is missing').rejects.toThrow(CorruptionError)
})

test('the first group must follow the manifest', async () => {
  for (const baseSequence of [100, 102, 1]) {
    const result = await replay(new Map([[5, walImage(5, baseSequence, [NOTHING])]]))
    expect(result, `sequence ${baseSequence}`).toMatchObject({ wals: [], lastSequence: 100 })
  }
  await expect(
    replay(new Map([[5, walImage(5, 102, [NOTHING, { number: 5, offset: groupOffset(1) }])]])),
  ).rejects.toThrow(CorruptionError)
})

test('a value that is the image of a group is none', async () => {
  const inner = walImage(5, 103, [NOTHING, { number: 9, offset: 1000 }]).subarray(WAL_HEADER_SIZE_BYTES)
  const result = await replay(new Map([[5, Buffer.concat([walImage(5, 101, [NOTHING]), Buffer.from('torn'), inner])]]))
  expect(result).toMatchObject({ lastSequence: 101, tornSizeBytes: inner.length + 4 })
})

test('a log whose header is not whole holds nothing', async () => {
  const first = walImage(5, 101, [NOTHING])
  for (const image of [Buffer.alloc(0), walImage(6, 102, []).subarray(0, 31), Buffer.alloc(4096)]) {
    const result = await replay(
      new Map([
        [5, first],
        [6, image],
      ]),
    )
    expect(result).toMatchObject({ lastSequence: 101, cutOff: [] })
  }
})

test('a log that could not be made, and holds nothing, does not end the logs behind it', async () => {
  for (const image of [Buffer.alloc(0), walImage(6, 102, []).subarray(0, 20), Buffer.alloc(100)]) {
    for (const synced of [NOTHING, { number: 7, offset: groupOffset(1) }]) {
      const result = await replay(
        new Map([
          [5, walImage(5, 101, [NOTHING])],
          [6, image],
          [7, walImage(7, 102, [NOTHING, synced])],
        ]),
      )
      expect(result).toMatchObject({ lastSequence: 103, cutOff: [], tornSizeBytes: 0 })
    }
  }
})

test('a log that could not be made does not hide that the one before it lacks what was durable', async () => {
  const behind = walImage(7, 103, [{ number: 5, offset: groupOffset(2) }])
  const first = walImage(5, 101, [NOTHING, NOTHING]).subarray(0, groupOffset(1))
  await expect(
    replay(
      new Map([
        [5, first],
        [6, Buffer.alloc(0)],
        [7, behind],
      ]),
    ),
  ).rejects.toThrow(CorruptionError)
})

test('a damaged header in front of groups is corruption: it was durable before them', async () => {
  const whole = walImage(5, 101, [NOTHING])
  for (let at = 0; at < WAL_HEADER_SIZE_BYTES; at++) {
    await expect(replay(new Map([[5, flipped(whole, at)]])), `byte ${at}`).rejects.toMatchObject(isDamageAt(5, 0))
  }
})

test('a log under another’s name is corruption', async () => {
  await expect(replay(new Map([[5, walImage(6, 101, [NOTHING])]]))).rejects.toThrow(
    /000005\.wal .* it is log 6 under the name of log 5/,
  )
})

test('a log that was closed cleanly and is cut, damaged or missing is corruption', async () => {
  const whole = walImage(5, 101, [NOTHING, NOTHING])
  const closed = [{ number: fileNumber(5), sizeBytes: whole.length }]
  expect((await replay(new Map([[5, whole]]), closed)).lastSequence).toBe(102)
  for (let length = 0; length < whole.length; length++) {
    await expect(replay(new Map([[5, whole.subarray(0, length)]]), closed), `cut at ${length}`).rejects.toMatchObject({
      code: 'VARVE_CORRUPTION',
      path: '/d/000005.wal',
    })
  }
  for (let at = 0; at < whole.length; at += 3) {
    await expect(replay(new Map([[5, flipped(whole, at)]]), closed), `byte ${at}`).rejects.toThrow(CorruptionError)
  }
  await expect(replay(new Map(), closed)).rejects.toMatchObject(isDamageAt(5, 0))
  await expect(replay(new Map([[6, walImage(6, 101, [])]]), closed)).rejects.toMatchObject(isDamageAt(5, 0))
})

test('R8: what a clean close recorded is not cut off with bytes that were put behind the log before it', async () => {
  const [first, second] = [walImage(5, 101, [NOTHING]), walImage(6, 102, [NOTHING])]
  const closed = [
    { number: fileNumber(5), sizeBytes: first.length },
    { number: fileNumber(6), sizeBytes: second.length },
  ]
  const lengthened = Buffer.concat([first, Buffer.from('more')])
  for (const later of [[[6, second]], []] as const) {
    const error = replay(new Map<number, Uint8Array>([[5, lengthened], ...later]), closed)
    await expect(error).rejects.toMatchObject(isDamageAt(5, first.length))
    await expect(error).rejects.toThrow(/000006\.wal was closed cleanly/)
  }
  expect((await replay(new Map([[5, lengthened]]), closed.slice(0, 1))).lastSequence).toBe(101)
})

test('a log of a newer format is refused as newer, not cut', async () => {
  const newer = walImage(5, 101, [NOTHING])
  newer[8] = 2
  // The checksum over the first 28 bytes, for this number and salt, with format 2.
  const { crc32 } = await import('node:zlib')
  newer.writeUInt32LE(crc32(newer.subarray(0, 28)), 28)
  await expect(replay(new Map([[5, newer]]))).rejects.toThrow(UnsupportedError)
})

test('R8: the log that the manifest names had a durable header before: without one it is damaged', async () => {
  for (const image of [new Uint8Array(0), walImage(5, 101, []).subarray(0, 20), flipped(walImage(5, 101, []), 9)]) {
    expect(await replay(new Map([[5, image]]))).toMatchObject({ wals: [], tornSizeBytes: 0 })
    await expect(replay(new Map([[5, image]]), [], 5)).rejects.toMatchObject(isDamageAt(5, 0))
  }
})

/** Values may be made to look like groups; each would be put through a checksum up to the end of the file. */
test('R8: megabytes that look like overlapping groups behind a torn place do not hold up an open', async () => {
  const bytes = Buffer.alloc(4 * 1024 * 1024)
  walImage(5, 101, [NOTHING, NOTHING]).copy(bytes)
  bytes[groupOffset(1) + 50] = 0xff
  for (let offset = groupOffset(2); offset + WAL_GROUP_HEADER_SIZE_BYTES <= bytes.length; offset += 32) {
    bytes.writeUInt32LE(bytes.length - offset - WAL_GROUP_HEADER_SIZE_BYTES, offset + 4)
    bytes.writeUInt32LE(1, offset + 8)
    bytes.writeUInt32LE(offset, offset + 12)
    bytes.writeBigUInt64LE(5n, offset + 16)
  }
  const startMs = performance.now()
  await expect(replay(new Map([[5, bytes]]))).rejects.toMatchObject(isDamageAt(5, groupOffset(1)))
  expect(performance.now() - startMs).toBeLessThan(5000)
})
