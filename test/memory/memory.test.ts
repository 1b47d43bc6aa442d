/**
 * Resident memory stays flat however many memtables are flushed. With `VARVE_LONG=1` also: loading five million entries
 * with default options takes no more than 300 MB above a bare process.
 */
import { expect, test } from 'vitest'
import { runChild } from '../harness/child.ts'
import type { MemoryPlan } from '../harness/memory-plan.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const MB = 1024 * 1024
const FLUSH_COUNT = 200
/** One leaked arena a flush would be 70 MB over the flushes that are compared. */
const GROWTH_BYTES_MAX = 16 * MB
const LOAD_COUNT = 5_000_000
const LOAD_SIZE_BYTES_MAX = 300 * MB

async function linesOf(plan: MemoryPlan): Promise<string[]> {
  const { lines, code, stderr } = await runChild('memory-process', plan, ['--expose-gc'])
  expect({ code, stderr, error: lines.find((line) => line.startsWith('error')) }).toEqual({
    code: 0,
    stderr: '',
    error: undefined,
  })
  return lines
}

function peakOf(lines: readonly string[]): number {
  return Number(lines.find((line) => line.startsWith('peak '))?.split(' ')[1])
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

test(`memory stays flat over ${FLUSH_COUNT} flushes`, async () => {
  const lines = await linesOf({ directory: scratchStorePath('memory'), task: 'flush', count: FLUSH_COUNT })
  const samples = lines
    .filter((line) => line.startsWith('flushes '))
    .map((line) => line.split(' ').slice(2).map(Number))
  expect(samples).toHaveLength(FLUSH_COUNT / 10)
  for (const [column, name] of ['resident', 'heap', 'array buffers'].entries()) {
    const sizes = samples.map((sample) => sample[column] ?? Number.NaN)
    const growth = median(sizes.slice(-6)) - median(sizes.slice(4, 10))
    expect(growth, `${name}: ${sizes.map((size) => (size / MB).toFixed(1)).join(' ')} MB`).toBeLessThan(
      GROWTH_BYTES_MAX,
    )
  }
}, 60_000)

if (process.env['VARVE_LONG'] === '1') {
  test(`loading ${LOAD_COUNT} entries stays within ${LOAD_SIZE_BYTES_MAX / MB} MB above a bare process`, async () => {
    const bare = peakOf(await linesOf({ directory: '', task: 'bare', count: 0 }))
    const lines = await linesOf({ directory: scratchStorePath('memory'), task: 'load', count: LOAD_COUNT })
    const message = [`bare ${(bare / MB).toFixed(0)} MB`, ...lines].join('\n')
    expect(peakOf(lines) - bare, message).toBeLessThan(LOAD_SIZE_BYTES_MAX)
  }, 600_000)
}
