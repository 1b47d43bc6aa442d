/**
 * Thousands of random operations, each answer compared with the model's, under one configuration after the other
 * (R4 R6 R12). More by `VARVE_MODEL_OPERATIONS=100000`; one list again by `VARVE_SEED`.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import { environmentCount, replayable, seedsOfRun } from '../harness/seeds.ts'
import { historyHashOf, runOperations } from './model-run.ts'
import { OperationGenerator } from './operation-generator.ts'
import type { Operation } from './operation.ts'
import type { StoreConfiguration } from './store-subject.ts'

const FIXED_SEED = 20_250_101
const OPERATION_COUNT = environmentCount('VARVE_MODEL_OPERATIONS', 10_000)
/** Of the seed that nobody has tried: new every time, so it may be short. */
const NEW_OPERATION_COUNT = Math.ceil(OPERATION_COUNT / 5)
const TIMEOUT_MS = 60_000 + OPERATION_COUNT * 20

/** @param part of the operations are run */
export function describeModelRuns(configurations: readonly StoreConfiguration[], testPath: string, part = 1): void {
  describe.each(seedsOfRun(FIXED_SEED))('seed %i', (seed) => {
    const isNew = seed !== FIXED_SEED && process.env['VARVE_SEED'] === undefined
    let operations: Operation[] = []
    let historyHash = ''

    beforeAll(async () => {
      const all = new OperationGenerator(seed).list(OPERATION_COUNT)
      operations = all.slice(0, Math.ceil((isNew ? NEW_OPERATION_COUNT : all.length) * part))
      historyHash = await historyHashOf(operations)
    })

    test.each(configurations.map((configuration) => ({ configuration, name: configuration.name })))(
      'the same answers as the model: $name',
      async ({ configuration }) => {
        const directory = makeMemoryDirectory('model')
        const result = await replayable(seed, testPath, () => runOperations(directory, configuration, operations))
        expect(result.historyHash).toBe(historyHash)
        if (configuration.options.levelSizeRatio === 2 && operations.length >= 10_000) {
          expect(result.levelCountMax, 'levels that filled').toBeGreaterThanOrEqual(3)
          expect(result.compactionCount).toBeGreaterThan(10)
        }
      },
      TIMEOUT_MS,
    )
  })
}
