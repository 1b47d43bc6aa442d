/**
 * Stores whose files have right checksums and hostile contents: keys out of order, bounds that lie, restart points and
 * handles that point anywhere, sequences and counts that cannot be. Nothing hangs, nothing crashes, and what cannot be
 * read says where. Long, in minutes:
 *
 *     VARVE_FUZZ_MINUTES=60 npx vitest run test/fuzz
 */
import path from 'node:path'
import { expect, test } from 'vitest'
import { ROLE_DATA, checksum, checksumSeed, parseFileName } from '@varve/storage'
import { blocksOf } from '../corruption/file-layout.ts'
import { CorruptionError, VarveError, open } from 'varve'
import type { Store } from 'varve'
import { createInlineExecutor } from '@varve/workers'
import { imageEnv } from '../corruption/image-files.ts'
import type { Image } from '../corruption/image-files.ts'
import { DIRECTORY, SMALL_OPTIONS, makeStoreImage } from '../corruption/store-image.ts'
import { SeededRandom } from '../harness/random.ts'
import { environmentCount, replayable } from '../harness/seeds.ts'
import { hostileChange } from './hostile-image.ts'

const TRY_COUNT = 100
const MINUTES = environmentCount('VARVE_FUZZ_MINUTES', 0)
const FIRST_SEED = 5_000_000
const ENTRY_COUNT_MAX = 20_000

/** Corruption says where; what a newer version wrote, and what cannot be changed any more, say so. */
function checkTyped(thrown: unknown): void {
  const error =
    thrown instanceof VarveError && thrown.code === 'VARVE_READ_ONLY' && thrown.cause !== undefined
      ? thrown.cause
      : thrown
  const isTyped =
    error instanceof VarveError &&
    (error.code === 'VARVE_UNSUPPORTED' ||
      (error instanceof CorruptionError && error.path.startsWith(DIRECTORY) && error.offset >= 0))
  if (!isTyped) {
    throw error
  }
}

async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    checkTyped(error)
  }
}

async function scan(store: Store, reverse: boolean): Promise<void> {
  let count = 0
  for await (const [key] of store.entries({ reverse })) {
    expect(key.length).toBeLessThanOrEqual(65_536)
    if (++count > ENTRY_COUNT_MAX) {
      throw new Error('a scan goes round in circles')
    }
  }
}

async function use(image: Image, keys: readonly string[]): Promise<void> {
  const env = imageEnv(image)
  const failures: unknown[] = []
  await attempt(async () => {
    const store = await open(DIRECTORY, SMALL_OPTIONS, { env, executor: createInlineExecutor(env) })
    store.on('error', (error) => failures.push(error))
    try {
      await attempt(() => scan(store, false))
      await attempt(() => scan(store, true))
      for (const key of keys) {
        await attempt(async () => store.getSync(key))
        await attempt(() => scanFrom(store, key))
      }
      await attempt(() => store.put('new', 'value', { sync: true }))
      await attempt(() => store.compactRange())
      await attempt(() => scan(store, false))
    } finally {
      await store.close()
    }
  })
  failures.forEach(checkTyped)
}

async function scanFrom(store: Store, key: string): Promise<void> {
  const iterator = store.iterator({ reverse: true })
  try {
    iterator.seek(key)
    await iterator.nextMany(3)
  } finally {
    await iterator.close()
  }
}

test.each(['closed', 'killed'] as const)(
  'R8: changes under right checksums to a store that was %s',
  async (kind) => {
    const { image, states } = await makeStoreImage(kind)
    const keys = [...(states.at(-1)?.keys() ?? [])].filter((_, i) => i % 13 === 0)
    const deadlineMs = performance.now() + (MINUTES * 60_000) / 2
    const given = process.env['VARVE_SEED']
    for (let i = 0; given === undefined ? i < TRY_COUNT || performance.now() < deadlineMs : i < 1; i++) {
      const seed = given === undefined ? FIRST_SEED + i : Number(given)
      await replayable(seed, 'test/fuzz', async () => {
        const random = new SeededRandom(seed)
        const changed = new Map(image)
        for (let changes = random.between(1, 2); changes > 0; changes--) {
          const { file, bytes } = hostileChange(random, image)
          changed.set(file, bytes)
        }
        await use(changed, keys)
      })
    }
  },
  120_000 + MINUTES * 60_000,
)

test('an iterator that met a malformed entry meets it again, and does not go on behind it', async () => {
  const { image } = await makeStoreImage('closed')
  const file = [...image.keys()].filter((name) => name.endsWith('.sst')).toSorted()[0] ?? ''
  const block = blocksOf(image, file).find(({ role }) => role === ROLE_DATA)
  const number = parseFileName(path.basename(file))?.number
  if (block === undefined || number === undefined) {
    throw new Error('the store has no table')
  }
  const bytes = Buffer.from(image.get(file) ?? [])
  const end = block.end - 5
  // The size of a value in the middle reaches beyond the block.
  bytes.fill(0xff, block.start + 100, block.start + 130)
  bytes.writeUInt32LE(checksum(bytes.subarray(block.start, end + 1), checksumSeed(number, block.start)), end + 1)
  const env = imageEnv(new Map(image).set(file, bytes))
  const store = await open(DIRECTORY, SMALL_OPTIONS, { env, executor: createInlineExecutor(env) })
  const iterator = store.iterator()
  const keys: string[] = []
  for (let failureCount = 0; failureCount < 3;) {
    try {
      const chunk = await iterator.nextMany(5)
      expect(chunk.length, `went on to the end behind ${keys.at(-1)}`).toBeGreaterThan(0)
      keys.push(...chunk.map(([key]) => key.toString()))
    } catch (error) {
      expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', path: file, offset: block.start })
      failureCount++
    }
  }
  expect(keys.length).toBeLessThan(10)
  await store.close()
})

test('a file number that no store reaches is refused: the next manifest could not be named', async () => {
  const { image } = await makeStoreImage('closed')
  const file = `${DIRECTORY}/999999999999999.sst`
  const env = imageEnv(new Map(image).set(file, new Uint8Array(1)))
  const opened = open(DIRECTORY, SMALL_OPTIONS, { env, executor: createInlineExecutor(env) })
  await expect(opened).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', path: file })
})
