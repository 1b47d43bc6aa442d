/**
 * Random histories on a VarveLevel and on a MemoryLevel: the same answers, the same errors, the same events, and in the
 * end the same bytes. Small memtables and blocks let everything move through tables meanwhile.
 */
import { VarveLevel } from '@varve/level'
import { MemoryLevel } from 'memory-level'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../harness/random.ts'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import { environmentCount, replayable, seedsOfRun } from '../harness/seeds.ts'
import { drawOperation } from './level-operation.ts'
import { LevelSide, type Database } from './level-side.ts'

const OPERATION_COUNT = environmentCount('VARVE_LEVEL_OPERATIONS', 2000)
const COMPARE_EVERY = 500

const SHAPES = [
  { shape: 'memory', options: {} },
  { shape: 'tables', options: { memtableSizeBytes: 4096, blockSizeBytes: 64, blockCacheSizeBytes: 0 } },
]

describe.each(seedsOfRun(20_260_101))('seed %i', (seed) => {
  test.each(SHAPES)(
    'the same as memory-level: $shape',
    async ({ options }) => {
      await replayable(seed, 'test/level/differential.test.ts', async () => {
        const random = new SeededRandom(seed)
        const database = new VarveLevel<unknown, unknown>(makeMemoryDirectory('level'), options)
        const reference = new MemoryLevel<unknown, unknown>({ storeEncoding: 'buffer' })
        const [subject, model] = [database, reference].map((each) => new LevelSide(each as unknown as Database))
        await Promise.all([subject?.whenOpen(), model?.whenOpen()])
        let answerCount = 0
        for (let i = 0; i < OPERATION_COUNT; i++) {
          const operation = drawOperation(random, i)
          const [found, wanted] = [await subject?.run(operation), await model?.run(operation)]
          expect(`${JSON.stringify(operation)}: ${found}`, `operation ${i}`).toBe(
            `${JSON.stringify(operation)}: ${wanted}`,
          )
          answerCount += wanted === 'undefined | ' ? 0 : 1
          if (i % COMPARE_EVERY === COMPARE_EVERY - 1) {
            expect(await subject?.contents()).toBe(await model?.contents())
          }
        }
        expect(await subject?.contents()).toBe(await model?.contents())
        expect(answerCount, 'answers that say something').toBeGreaterThan(OPERATION_COUNT / 4)
        await database.close()
        await reference.close()
      })
    },
    60_000 + OPERATION_COUNT * 20,
  )
})
