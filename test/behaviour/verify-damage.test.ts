/**
 * R8: flip any byte, or cut any length, of any table, of the manifest or of CURRENT while the store is open: `verify`
 * names the file, and no other. A sample by default; `VARVE_LONG=1` tries every byte and every length.
 */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { open } from 'varve'
import type { Store } from 'varve'
import { neverIdleComponents } from '../harness/executors.ts'
import { readLedger } from '../harness/ledger.ts'
import { SeededRandom } from '../harness/random.ts'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import { environmentCount, replayable, seedsOfRun } from '../harness/seeds.ts'
import { contentsOf, fill } from '../harness/contents.ts'

const IS_LONG = process.env['VARVE_LONG'] === '1'
const DAMAGE_COUNT = environmentCount('VARVE_DAMAGE_COUNT', 80)
const SEED = seedsOfRun(0).at(-1) ?? 0
const TIMEOUT_MS = IS_LONG ? 3_600_000 : 60_000 + DAMAGE_COUNT * 500
/** Footers, headers and properties have few bytes, and all of them matter. */
const EDGE_SIZE_BYTES = 48

/** Two levels of small tables, filters and several partitions of blocks, and a manifest of several edits. */
async function makeStore(): Promise<Store> {
  const directory = path.join(makeMemoryDirectory('verify-damage'), 'store')
  const options = { blockSizeBytes: 256, tableSizeBytes: 8 * 1024 }
  const store = await open(directory, options, neverIdleComponents())
  await fill(store, 120, 40)
  await store.compactRange()
  await fill(store, 40, 30)
  await store.delete('key-000003')
  await store.flush()
  expect((await store.verify()).findings).toEqual([])
  return store
}

function damageableFiles({ directory }: Store): string[] {
  const { tables, manifests } = readLedger(directory)
  return [...tables, ...manifests, 'CURRENT'].map((name) => path.join(directory, name))
}

/** Which of `count` places are tried: the first and last ones, and some between; all of them in a long run. */
function placesOf(random: SeededRandom, count: number): number[] {
  if (IS_LONG) {
    return Array.from({ length: count }, (_, at) => at)
  }
  const drawn = Array.from({ length: DAMAGE_COUNT }, () =>
    random.pick([
      random.below(count),
      random.below(Math.min(count, EDGE_SIZE_BYTES)),
      count - 1 - random.below(Math.min(count, EDGE_SIZE_BYTES)),
    ]),
  )
  return [...new Set([0, count - 1, ...drawn])]
}

async function expectFound(store: Store, file: string, what: string): Promise<void> {
  const { findings } = await store.verify()
  const found = findings.map((finding) => finding.path)
  expect(found, what).toEqual([file])
  const [finding] = findings
  expect(Number.isSafeInteger(finding?.offset) && (finding?.offset ?? -1) >= 0, what).toBe(true)
}

test(
  'any byte flipped',
  async () => {
    await replayable(SEED, 'test/behaviour/verify-damage.test.ts', async () => {
      const random = new SeededRandom(SEED)
      const store = await makeStore()
      const contents = await contentsOf(store)
      for (const file of damageableFiles(store)) {
        const sound = fs.readFileSync(file)
        const descriptor = fs.openSync(file, 'r+')
        for (const at of placesOf(random, sound.length)) {
          const flip = random.pick([0x01, 0x80, 0xff, random.between(1, 255)])
          fs.writeSync(descriptor, Buffer.of((sound[at] ?? 0) ^ flip), 0, 1, at)
          await expectFound(store, file, `${path.basename(file)}, byte ${at} of ${sound.length}, xor ${flip}`)
          fs.writeSync(descriptor, sound, at, 1, at)
        }
        fs.closeSync(descriptor)
      }
      expect((await store.verify()).findings).toEqual([])
      expect(await contentsOf(store)).toEqual(contents)
      await store.close()
    })
  },
  TIMEOUT_MS,
)

test(
  'any length cut, and anything behind the end',
  async () => {
    await replayable(SEED, 'test/behaviour/verify-damage.test.ts', async () => {
      const random = new SeededRandom(SEED)
      const store = await makeStore()
      for (const file of damageableFiles(store)) {
        const sound = fs.readFileSync(file)
        for (const length of placesOf(random, sound.length)) {
          fs.truncateSync(file, length)
          await expectFound(store, file, `${path.basename(file)} cut from ${sound.length} to ${length}`)
          fs.writeFileSync(file, sound)
        }
        for (const tail of [Buffer.alloc(1), Buffer.alloc(5000), sound.subarray(-20)]) {
          fs.appendFileSync(file, tail)
          await expectFound(store, file, `${path.basename(file)} with ${tail.length} bytes behind it`)
          fs.writeFileSync(file, sound)
        }
      }
      expect((await store.verify()).findings).toEqual([])
      await store.close()
    })
  },
  TIMEOUT_MS,
)
