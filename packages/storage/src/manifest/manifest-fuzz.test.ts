/** Hostile manifests, edits, CURRENT files and names. */
import { expect, test } from 'vitest'
import { sequenceNumber } from '../entry.ts'
import { fileNumber, isStoreFileName, parseFileName } from '../file-names.ts'
import { FUZZ_TIMEOUT_MS, checkTyped, decoded, fuzz, mutated } from '../test-support/fuzz.ts'
import { MemoryFiles } from '../test-support/memory-files.ts'
import { readCurrent, replaceCurrent } from './current-file.ts'
import { encodeManifestHeader, encodeManifestRecord } from './manifest-format.ts'
import { readManifest } from './manifest-reader.ts'
import { decodeVersionEdit, encodeVersionEdit, type VersionEdit } from './version-edit.ts'

const table = {
  number: fileNumber(5),
  sizeBytes: 1000,
  entryCount: 10,
  tombstoneCount: 1,
  smallestKey: Buffer.from('a'),
  largestKey: Buffer.from('z'),
  smallestSequence: sequenceNumber(1),
  largestSequence: sequenceNumber(10),
  rawKeySizeBytes: 10,
  rawValueSizeBytes: 20,
}
const EDIT: VersionEdit = {
  logNumber: fileNumber(9),
  nextFileNumber: 12,
  lastSequence: sequenceNumber(10),
  added: [
    { level: 0, run: 7, table },
    { level: 3, run: 0, table: { ...table, number: fileNumber(6) } },
  ],
  deleted: [{ level: 1, number: fileNumber(3) }],
  closedWals: [{ number: fileNumber(9), sizeBytes: 77 }],
}
const SOUND = encodeVersionEdit(EDIT)
const NUMBER = fileNumber(7)

test('edits of any bytes, and changed ones, are read or refused', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await fuzz(6000, (random) => {
    const bytes = random.below(4) === 0 ? random.bytes(random.below(60)) : mutated(random, SOUND)
    const edit = decoded(() => decodeVersionEdit(bytes, 'MANIFEST-000007', 32))
    if (edit !== undefined) {
      expect(decodeVersionEdit(encodeVersionEdit(edit), 'm', 0)).toEqual(edit)
    }
  })
})

test(
  'manifests with changes under right checksums, cut, and with hostile tails',
  { timeout: FUZZ_TIMEOUT_MS },
  async () => {
    await fuzz(2000, async (random) => {
      const parts = [encodeManifestHeader(NUMBER)]
      let size = parts[0]?.length ?? 0
      for (let i = 0; i <= random.below(4); i++) {
        const record = encodeManifestRecord(random.below(2) === 0 ? SOUND : mutated(random, SOUND), NUMBER, size)
        parts.push(record)
        size += record.length
      }
      parts.push(random.bytes(random.below(3) === 0 ? random.below(400) : 0, 3).map((byte) => 255 - byte))
      let bytes: Uint8Array = new Uint8Array(Buffer.concat(parts))
      bytes = random.below(3) === 0 ? mutated(random, bytes) : bytes
      bytes = random.below(3) === 0 ? bytes.slice(0, random.below(bytes.length)) : bytes
      const files = new MemoryFiles()
      files.set('/d/MANIFEST-000007', bytes)
      await readManifest(files, '/d/MANIFEST-000007', NUMBER).catch(checkTyped)
    })
  },
)

/** A search for records behind a torn place used to take the square of the size of what stands there. */
test('a manifest with megabytes that look like heads of records behind it is refused in no time', async () => {
  const sound = Buffer.concat([encodeManifestHeader(NUMBER), encodeManifestRecord(SOUND, NUMBER, 32)])
  for (const pattern of [Uint8Array.of(4, 0, 0x40, 0), Uint8Array.of(1), new Uint8Array(1)]) {
    const files = new MemoryFiles()
    files.set('/d/MANIFEST-000007', Buffer.concat([sound, Buffer.alloc(4 * 1024 * 1024, pattern)]))
    const startMs = performance.now()
    await readManifest(files, '/d/MANIFEST-000007', NUMBER).catch(checkTyped)
    expect(performance.now() - startMs).toBeLessThan(10_000)
  }
})

test(
  'CURRENT of any bytes names a manifest in the directory, or is refused',
  { timeout: FUZZ_TIMEOUT_MS },
  async () => {
    const files = new MemoryFiles()
    await replaceCurrent(files, '/d', NUMBER)
    const sound = files.bytesOf('/d/CURRENT')
    await fuzz(2000, async (random) => {
      const bytes = random.below(4) === 0 ? random.bytes(random.below(80)) : mutated(random, sound)
      files.set('/d/CURRENT', bytes)
      const number = await readCurrent(files, '/d').catch((error: unknown) => {
        checkTyped(error)
        return undefined
      })
      expect(number === undefined || Buffer.compare(bytes, sound) === 0).toBe(true)
    })
  },
)

test('no name of a numbered file leads out of the directory', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const parts = [
    'MANIFEST-',
    '000007',
    '.wal',
    '.sst',
    '/',
    '..',
    '\\',
    '\0',
    '\n',
    '1'.repeat(20),
    '-1',
    '1e9',
    '０',
    'lost',
  ]
  await fuzz(20_000, (random) => {
    const name = Array.from({ length: 1 + random.below(4) }, () => parts[random.below(parts.length)]).join('')
    const file = parseFileName(name)
    if (file !== undefined || isStoreFileName(name)) {
      expect(name).toMatch(/^[\w.-]+$/)
      expect(file === undefined || (Number.isSafeInteger(file.number) && file.number >= 0)).toBe(true)
    }
  })
})
