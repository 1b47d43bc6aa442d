/**
 * After any damage, repair makes a store that opens: right outside of what it reports as lost, never with a value that
 * nobody wrote. And whatever stood in the directory before is still there, in lost/ where it is of no more use.
 */
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ROLE_DATA } from '@varve/storage'
import type { LostPart } from 'varve'
import { SeededRandom } from '../harness/random.ts'
import { environmentCount, replayable, seedsOfRun } from '../harness/seeds.ts'
import { blocksOf } from './file-layout.ts'
import type { Image } from './image-files.ts'
import { checkContents, contentsOfRepaired, repairImage } from './repaired-store.ts'
import type { Repaired } from './repaired-store.ts'
import { groupsOf, makeStoreImage } from './store-image.ts'
import type { ImageKind, StoreImage } from './store-image.ts'

const REPAIR_COUNT = environmentCount('VARVE_REPAIR_COUNT', 25)
const SEED = seedsOfRun(0).at(-1) ?? 0
const KINDS: readonly ImageKind[] = ['closed', 'closed with logs', 'killed']

const base = (file: string): string => path.basename(file)

async function repaired(damaged: Image): Promise<Repaired> {
  const result = await repairImage(damaged)
  if ('crashed' in result) {
    throw new Error('nothing was to crash')
  }
  return result
}

describe.each(KINDS)('a store that was %s', (kind) => {
  let sound: StoreImage
  let files: string[]

  beforeAll(async () => {
    sound = await makeStoreImage(kind)
    files = [...sound.image.keys()].filter((file) => base(file) !== 'LOCK')
  })

  /** Repairs, and checks everything that holds after any repair. */
  async function check(damaged: Image, where: string): Promise<Repaired> {
    const result = await repaired(damaged)
    const { report, image } = result
    const contents = await contentsOfRepaired(image)
    if (report.wasDamaged || sound.wasClosed) {
      checkContents(sound, contents, [...report.lost, ...unnoticeable(damaged, report.wasRebuilt)], where)
    } else {
      // What looks like the tail of a crash is left to open, which cuts it.
      const entries = JSON.stringify([...contents])
      expect(
        sound.states.some((state) => JSON.stringify([...state]) === entries),
        where,
      ).toBe(true)
    }
    expect(report.lastSequence, where).toBeLessThanOrEqual(sound.writes.length)
    for (const [file, bytes] of damaged) {
      const names = [...image.keys()].filter(
        (name) => base(name) === base(file) || base(name).startsWith(`${base(file)}.`),
      )
      const isThere = names.some((name) => Buffer.compare(image.get(name) ?? new Uint8Array(0), bytes) === 0)
      expect(isThere || ['CURRENT', 'LOCK'].includes(base(file)), `${where}: ${file} has gone`).toBe(true)
    }
    if (report.wasDamaged) {
      const names = [...image.keys()].filter((name) => path.dirname(name) === '/store')
      const countOf = (part: string): number => names.filter((name) => name.includes(part)).length
      const counts = [countOf('.sst'), countOf('MANIFEST'), countOf('.wal'), countOf('CURRENT')]
      expect(counts, `${where}: ${names.join(' ')}`).toEqual([report.tableCount, 1, 1, 1])
    }
    const again = await repaired(image)
    expect(again.report, `${where}, repaired twice`).toMatchObject({ wasDamaged: false, lost: [], setAsideNames: [] })
    return result
  }

  /**
   * What nothing in the files tells of: writes of logs that a crash left, and that were then taken away or cut; and files
   * that are gone together with the manifest that named them.
   */
  function unnoticeable(damaged: Image, wasRebuilt: boolean): LostPart[] {
    const unknown = { smallestKey: undefined, largestKey: undefined, firstSequence: undefined, lastSequence: undefined }
    const gone = wasRebuilt ? files.filter((file) => !damaged.has(file) && !base(file).startsWith('MANIFEST')) : []
    if (gone.length > 0) {
      return gone.map((file) => ({ fileName: base(file), reason: 'gone', ...unknown }))
    }
    return groupsOf(sound.image)
      .filter(({ file, endOffset }) => !sound.wasClosed && (damaged.get(file)?.length ?? 0) < endOffset)
      .map(({ file, baseSequence, count }) => ({
        fileName: base(file),
        reason: 'cut off',
        ...unknown,
        firstSequence: baseSequence,
        lastSequence: baseSequence + count - 1,
      }))
  }

  test('nothing to repair: nothing is changed', async () => {
    const { report, image } = await repaired(sound.image)
    expect(report).toMatchObject({ wasDamaged: false, faults: [], lost: [], setAsideNames: [], wasRebuilt: false })
    expect(image).toEqual(new Map(sound.image).set('/store/LOCK', image.get('/store/LOCK') ?? new Uint8Array(0)))
  })

  test('CURRENT missing or damaged: nothing is lost', async () => {
    for (const bytes of [undefined, new Uint8Array(0), Buffer.from('MANIFEST-000099 00000000\n')]) {
      const damaged = new Map(sound.image)
      damaged.delete('/store/CURRENT')
      if (bytes !== undefined) {
        damaged.set('/store/CURRENT', bytes)
      }
      const { report } = await check(damaged, `CURRENT is ${bytes?.length ?? 'missing'}`)
      expect(report).toMatchObject({ wasDamaged: true, lost: [], wasRebuilt: false })
      expect(report.faults.join()).toContain('CURRENT')
    }
  })

  test('no manifest: rebuilt from the tables and logs, nothing is lost', async () => {
    const damaged = new Map([...sound.image].filter(([file]) => !base(file).startsWith('MANIFEST')))
    const { report } = await check(damaged, 'no manifest')
    expect(report).toMatchObject({ wasDamaged: true, lost: [], wasRebuilt: true })
  })

  test('nothing but tables', async () => {
    const damaged = new Map([...sound.image].filter(([file]) => file.endsWith('.sst')))
    const { image } = await repaired(damaged)
    const contents = await contentsOfRepaired(image)
    const state = new Map(sound.states[0])
    const tablesAlone = kind === 'closed with logs' ? undefined : state
    expect(tablesAlone === undefined ? contents.size > 0 : contents).toEqual(tablesAlone ?? true)
  })

  test('what was set aside before keeps its name and its bytes', async () => {
    const file = files.find((name) => name.endsWith('.sst')) ?? ''
    const earlier = new Map([
      [`/store/lost/${base(file)}`, Buffer.from('earlier')],
      [`/store/lost/${base(file)}.1`, Buffer.from('earlier still')],
    ])
    const damaged = new Map([...sound.image, ...earlier]).set(file, Buffer.from('damaged'))
    const { report, image } = await check(damaged, 'a second time in lost/')
    expect(report.setAsideNames).toContain(`${base(file)}.2`)
    for (const [name, bytes] of [...earlier, [`/store/lost/${base(file)}.2`, Buffer.from('damaged')] as const]) {
      expect(Buffer.compare(image.get(name) ?? new Uint8Array(0), bytes), name).toBe(0)
    }
  })

  test('a table missing: its keys are reported', async () => {
    for (const file of files.filter((name) => name.endsWith('.sst'))) {
      const damaged = new Map(sound.image)
      damaged.delete(file)
      const { report } = await check(damaged, `${file} missing`)
      expect(report.lost.map(({ fileName }) => fileName)).toEqual([base(file)])
    }
  })

  test('one damaged block costs no more than that block, whatever else of the table cannot be read', async () => {
    for (const file of files.filter((name) => name.endsWith('.sst'))) {
      const bytes = sound.image.get(file) ?? new Uint8Array(0)
      const blocks = blocksOf(sound.image, file)
      const data = blocks.filter(({ role }) => role === ROLE_DATA)
      for (const withIndexes of [true, false]) {
        const copy = Uint8Array.from(bytes)
        const target = data[Math.floor(data.length / 2)] ?? { start: 0, end: 1 }
        copy.fill(0xee, target.start + 2, target.end - 7)
        if (!withIndexes) {
          copy.fill(0, Math.max(...data.map(({ end }) => end)))
        }
        const where = `${base(file)} with${withIndexes ? '' : 'out'} indexes`
        const { report, image } = await check(new Map(sound.image).set(file, copy), where)
        const contents = await contentsOfRepaired(image)
        const missing = [...(sound.states.at(-1)?.keys() ?? [])].filter((key) => !contents.has(key))
        expect(missing.length, where).toBeLessThan(25)
        expect(report.wasRebuilt, where).toBe(false)
      }
    }
  })

  test('a log damaged in its middle: groups before and behind are kept', async () => {
    for (const file of files.filter((name) => name.endsWith('.wal'))) {
      const bytes = sound.image.get(file) ?? new Uint8Array(0)
      if (bytes.length < 500) {
        continue
      }
      const middle = Math.floor(bytes.length / 2)
      const { report } = await check(new Map(sound.image).set(file, bytes.with(middle, (bytes[middle] ?? 0) ^ 1)), file)
      const [part] = report.lost
      if (report.wasDamaged) {
        expect(report.lost).toHaveLength(1)
        expect(part?.firstSequence).toBe(part?.lastSequence)
      }
    }
  })

  test(
    'random damage to one or two files',
    async () => {
      await replayable(SEED, 'test/corruption/repair.test.ts', async () => {
        const random = new SeededRandom(SEED)
        for (let i = 0; i < REPAIR_COUNT; i++) {
          const damaged = new Map(sound.image)
          const done: string[] = []
          for (let count = random.between(1, 2); count > 0; count--) {
            const file = random.pick(files)
            done.push(damageOne(random, damaged, file))
          }
          await check(damaged, done.join(', '))
        }
      })
    },
    60_000 + REPAIR_COUNT * 3000,
  )

  test('a crash at any change of a repair: repairing again finishes it', async () => {
    for (const damage of ['table', 'manifest', 'current'] as const) {
      const damaged = new Map(sound.image)
      const pick = { table: '.sst', manifest: 'MANIFEST', current: 'CURRENT' }[damage]
      const file = files.find((name) => name.includes(pick)) ?? ''
      const bytes = Uint8Array.from(damaged.get(file) ?? [])
      damaged.set(file, bytes.fill(0xee, 40, 60).with(3, 0))
      const whole = await repaired(damaged)
      const contents = await contentsOfRepaired(whole.image)
      for (let changeCount = 0; ; changeCount += changeCount > 12 ? 7 : 1) {
        const result = await repairImage(damaged, changeCount)
        if (!('crashed' in result)) {
          break
        }
        const where = `${damage} damaged, crash after ${changeCount} changes`
        const { image } = await repaired(result.crashed)
        expect(await contentsOfRepaired(image), where).toEqual(contents)
      }
    }
  }, 120_000)
})

/** Changes one file of the image; says how. */
function damageOne(random: SeededRandom, damaged: Map<string, Uint8Array>, file: string): string {
  const bytes = Buffer.from(damaged.get(file) ?? [])
  const kind = random.weighted({ flip: 4, cut: 2, zeros: 2, garbage: 1, gone: 1 })
  const offset = random.below(Math.max(1, bytes.length))
  const count = Math.min(bytes.length - offset, random.between(1, 500))
  if (kind === 'gone') {
    damaged.delete(file)
  } else if (kind === 'cut') {
    damaged.set(file, bytes.subarray(0, offset))
  } else if (kind === 'flip') {
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << random.below(8))
    damaged.set(file, bytes)
  } else {
    bytes.set(kind === 'zeros' ? Buffer.alloc(count) : random.bytes(count), offset)
    damaged.set(file, bytes)
  }
  return `${path.basename(file)}: ${kind} at ${offset} of ${bytes.length}`
}
