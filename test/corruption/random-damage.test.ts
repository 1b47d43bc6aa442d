/**
 * Flip a byte, cut or lengthen a file, swap two, take one away: what is read then is right, or a typed error with path
 * and offset (R8). And when the damage is undone, everything is there: nothing that an open does may make it worse.
 * After a clean close no byte is exempt.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CorruptionError, VarveError } from 'varve'
import { SeededRandom } from '../harness/random.ts'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import { environmentCount, replayable, seedsOfRun } from '../harness/seeds.ts'
import { copyStore, filesOf, makeStoreOfLogs, makeStoreOfTables, readAll } from './damaged-store.ts'
import type { Contents } from './damaged-store.ts'

const DAMAGE_COUNT = environmentCount('VARVE_DAMAGE_COUNT', 80)
const SEED = seedsOfRun(0).at(-1) ?? 0
const CODES = ['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED']

describe.each([
  ['tables', makeStoreOfTables],
  ['logs', makeStoreOfLogs],
] as const)('a store of %s', (what, make) => {
  const sound = fs.mkdtempSync(path.join(os.tmpdir(), `varve-test-damage-${what}-`))
  let contents: Contents

  beforeAll(async () => {
    contents = await make(sound)
    expect(filesOf(sound).some(({ name }) => name.endsWith(what === 'tables' ? '.sst' : '.wal'))).toBe(true)
  })

  afterAll(() => fs.rmSync(sound, { recursive: true, force: true }))

  /** Damages a copy, reads it, undoes the damage, and reads it again. */
  async function check(
    name: string,
    description: string,
    damage: (file: string) => void,
  ): Promise<VarveError | undefined> {
    const copy = path.join(makeMemoryDirectory('damage'), 'store')
    copyStore(sound, copy)
    const file = path.join(copy, name)
    damage(file)
    const answer = await readAll(copy)
    if (answer instanceof VarveError) {
      expect(CODES, `${description}: ${answer.stack}`).toContain(answer.code)
      if (answer instanceof CorruptionError) {
        expect(answer.path, description).toContain(copy)
        expect(Number.isSafeInteger(answer.offset) && answer.offset >= 0, description).toBe(true)
        expect(answer.message, description).toContain(answer.path)
      }
      fs.copyFileSync(path.join(sound, name), file)
      const repaired = await readAll(copy)
      expect(repaired instanceof VarveError ? repaired.stack : '', `${description}, undone`).toBe('')
      expect(repaired, `${description}, undone`).toEqual(contents)
      return answer
    }
    expect(answer, description).toEqual(contents)
    return undefined
  }

  test('reads back undamaged', async () => {
    expect(await check('CURRENT', 'nothing', () => undefined)).toBeUndefined()
  })

  test(
    'random damage',
    async () => {
      await replayable(SEED, 'test/corruption/random-damage.test.ts', async () => {
        const random = new SeededRandom(SEED)
        let foundCount = 0
        for (let i = 0; i < DAMAGE_COUNT; i++) {
          const { name, sizeBytes } = random.pick(filesOf(sound))
          const { description, damage } = drawDamage(random, sizeBytes)
          const error = await check(name, `${name}: ${description}`, damage)
          foundCount += error === undefined ? 0 : 1
        }
        expect(foundCount).toBeGreaterThan(DAMAGE_COUNT / 2)
      })
    },
    60_000 + DAMAGE_COUNT * 200,
  )

  test('files cut short, emptied and lengthened', async () => {
    for (const { name, sizeBytes } of filesOf(sound)) {
      for (const length of new Set([0, 1, Math.floor(sizeBytes / 2), sizeBytes - 20, sizeBytes - 1])) {
        const error = await check(name, `${name} cut from ${sizeBytes} to ${length}`, (file) =>
          fs.truncateSync(file, Math.max(0, length)),
        )
        if (name.endsWith('.sst') || name === 'CURRENT') {
          expect(error, `${name} cut to ${length}`).toBeDefined()
        }
      }
      await check(name, `${name} with a tail`, (file) => fs.appendFileSync(file, 'tail'))
      await check(name, `${name} with zeros behind it`, (file) => fs.appendFileSync(file, Buffer.alloc(5000)))
    }
  })

  test('a file taken away', async () => {
    for (const { name } of filesOf(sound)) {
      if (name === 'CURRENT') {
        continue
      }
      const error = await check(name, `${name} removed`, (file) => fs.rmSync(file))
      if (!name.endsWith('.wal')) {
        expect(error, `${name} removed`).toBeInstanceOf(CorruptionError)
      }
    }
  })

  test('two files of a kind swapped', async () => {
    const names = filesOf(sound).map(({ name }) => name)
    for (const suffix of ['.sst', '.wal']) {
      const [one, other] = names.filter((name) => name.endsWith(suffix))
      if (one === undefined || other === undefined) {
        continue
      }
      const copy = path.join(makeMemoryDirectory('damage'), 'store')
      copyStore(sound, copy)
      fs.copyFileSync(path.join(sound, one), path.join(copy, other))
      fs.copyFileSync(path.join(sound, other), path.join(copy, one))
      expect(await readAll(copy)).toBeInstanceOf(CorruptionError)
    }
  })
})

interface Damage {
  readonly description: string
  readonly damage: (file: string) => void
}

function drawDamage(random: SeededRandom, sizeBytes: number): Damage {
  const kind = random.weighted({ flip: 60, cut: 15, zeros: 10, elsewhere: 10, tail: 5 })
  const offset = random.chance(0.3) ? random.below(Math.min(64, sizeBytes)) : random.below(sizeBytes)
  const count = Math.min(sizeBytes - offset, random.between(1, 600))
  const flip = random.pick([0x01, 0x80, 0xff, random.between(1, 255)])
  const from = random.below(sizeBytes - count + 1)
  const description = `${kind} of ${count} bytes at ${offset} of ${sizeBytes} (xor ${flip}, from ${from})`
  return {
    description,
    damage: (file) => fs.writeFileSync(file, damaged(fs.readFileSync(file), kind, { offset, count, flip, from })),
  }
}

interface Place {
  readonly offset: number
  readonly count: number
  readonly flip: number
  readonly from: number
}

function damaged(
  bytes: Buffer,
  kind: 'flip' | 'cut' | 'zeros' | 'elsewhere' | 'tail',
  { offset, count, flip, from }: Place,
): Buffer {
  switch (kind) {
    case 'flip':
      bytes[offset] = (bytes[offset] ?? 0) ^ flip
      return bytes
    case 'cut':
      return bytes.subarray(0, offset)
    case 'zeros':
      return bytes.fill(0, offset, offset + count)
    case 'elsewhere':
      bytes.copyWithin(offset, from, from + count)
      return bytes
    case 'tail':
      return Buffer.concat([bytes, bytes.subarray(from, from + count)])
  }
}
