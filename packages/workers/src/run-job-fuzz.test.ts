/** Hostile arenas and failures: every job ends in a result that says what was wrong, and every failure becomes an error. */
import { CorruptionError, IoError, UnsupportedError, VarveError, sealWalGroup } from '@varve/storage'
import { expect, test } from 'vitest'
import { jobError, toJobFailure } from './jobs/job-failure.ts'
import { runJob } from './run-job.ts'
import { JobFixture, randomVersions, walImage } from './test-support/job-fixture.ts'
import { SeededRandom } from './test-support/seeded-random.ts'

const CASE_COUNT = 400
const HOSTILE = [0, 1, 127, 128, 255, 65_535, 65_537, 2 ** 31, 2 ** 32 - 1]

test('flush jobs with groups changed under right checksums', async () => {
  const fixture = await JobFixture.create()
  try {
    const codes = new Set<string>()
    for (let seed = 1; seed <= CASE_COUNT; seed++) {
      const random = new SeededRandom(seed)
      const image = walImage(7, randomVersions(random, 1, 1 + random.below(60)), 1 + random.below(20))
      const bytes = Buffer.from(image.arena)
      const at = random.below(image.groupOffsets.length)
      const offset = image.groupOffsets[at] ?? 0
      const end = image.groupOffsets[at + 1] ?? image.sizeBytes
      for (let i = random.below(3); i >= 0; i--) {
        const place = offset + 44 + random.below(end - offset - 44)
        bytes[place] = (HOSTILE[random.below(5)] ?? 0) ^ random.below(3)
      }
      const count =
        random.below(3) === 0 ? (HOSTILE[random.below(HOSTILE.length)] ?? 1) : bytes.readUInt32LE(offset + 8)
      const base = random.below(5) === 0 ? 2 ** 52 - random.below(40) : Number(bytes.readBigUInt64LE(offset + 24))
      sealWalGroup(bytes, { number: 7, salt: bytes.readUInt32LE(12) }, offset, end, count, base, {
        number: 0,
        offset: 0,
      })
      const sizeBytes = random.below(10) === 0 ? random.below(image.sizeBytes + 200) : image.sizeBytes
      const result = runJob(fixture.env, fixture.flushRequest({ ...image, sizeBytes }, [2 ** 52]))
      if (!result.ok) {
        codes.add(result.code)
        expect(['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED'], `seed ${seed}: ${result.stack}`).toContain(result.code)
        expect(result.code === 'VARVE_UNSUPPORTED' || result.path?.endsWith('000007.wal'), `seed ${seed}`).toBe(true)
      }
    }
    expect(codes.size).toBe(2)
  } finally {
    await fixture.remove()
  }
})

test('whatever is thrown crosses as a value and comes back as the same kind of error', () => {
  const thrown: unknown[] = [
    new CorruptionError('/d/000001.sst', 77, 'it is damaged'),
    new CorruptionError('', 0, ''),
    new UnsupportedError('newer'),
    new IoError('writing', '/d/x', Object.assign(new Error('no space'), { code: 'ENOSPC' })),
    new IoError('', '', undefined),
    new VarveError('VARVE_ABORTED', 'cancelled'),
    new RangeError('an index'),
    'text',
    undefined,
    null,
    { code: 'VARVE_IO' },
  ]
  for (const each of thrown) {
    const error = jobError(structuredClone(toJobFailure(each)))
    expect(error).toBeInstanceOf(VarveError)
    expect(error.code).toBe(each instanceof VarveError ? each.code : 'VARVE_INTERNAL')
    if (each instanceof CorruptionError) {
      expect(error).toMatchObject({ path: each.path, offset: each.offset, message: each.message })
    }
  }
})
