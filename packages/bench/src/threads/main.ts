/**
 * `npm run bench:threads`: one store used from several threads, beside stores that each thread opens. Each measurement has
 * a process of its own; those that are compared alternate, and the median of several rounds counts.
 */
import { spawnSync } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { summarize } from '../comparison/statistics.ts'
import { measure, type Measured, type Measurement } from './thread-measurement.ts'
import type { StoreName, TaskName } from './thread-task.ts'

const OWN_FILE = fileURLToPath(import.meta.url)
const CASES: readonly (readonly [StoreName, TaskName, number])[] = [
  ['varve', 'puts', 0],
  ['varve', 'puts', 4],
  ['classic-level', 'puts', 4],
  ['lmdb', 'puts', 4],
  ['varve', 'batches', 0],
  ['varve', 'batches', 4],
  ['classic-level', 'batches', 4],
  ['lmdb', 'batches', 4],
  ['varve', 'gets', 0],
  ['varve', 'gets', 1],
  ['varve', 'gets', 2],
  ['classic-level', 'gets', 2],
  ['lmdb', 'gets', 2],
]

const HEAD = ['task', 'store', 'threads', 'operations/s', 'processor us', 'longest gap ms', 'longest gap running ms']

const { values } = parseArgs({
  options: {
    one: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    duration: { type: 'string', default: '2000' },
    directory: { type: 'string', default: path.join(os.tmpdir(), `varve-threads-${process.pid}`) },
    task: { type: 'string' },
  },
})

/** In a process of its own; `undefined` if the store is not there. */
function measureApart(measurement: Measurement): Measured | undefined {
  const child = spawnSync(process.execPath, [OWN_FILE, '--one', JSON.stringify(measurement)], { encoding: 'utf8' })
  if (child.status !== 0 && child.stderr.includes('MODULE_NOT_FOUND')) {
    return undefined
  }
  if (child.status !== 0) {
    throw new Error(`${JSON.stringify(measurement)} failed: ${child.stderr}`)
  }
  return JSON.parse(child.stdout) as Measured
}

function compare(): void {
  const cases = CASES.filter(([, task]) => values.task === undefined || values.task === task)
  const results = cases.map((): Measured[] => [])
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [i, [name, task, threadCount]] of cases.entries()) {
      const durationMs = Number(values.duration)
      const measured = measureApart({ name, task, threadCount, durationMs, directory: values.directory })
      results[i]?.push(...(measured === undefined ? [] : [measured]))
    }
  }
  const rows = cases.map(([name, task, threadCount], i) => {
    const measured = results[i] ?? []
    const show = (pick: (each: Measured) => number, digits: number): string =>
      measured.length === 0 ? 'not installed' : summarize(measured.map(pick)).median.toFixed(digits)
    return [
      task,
      name,
      threadCount === 0 ? 'main' : String(threadCount),
      show((each) => each.operationsPerSecond, 0),
      show((each) => each.processorUs, 2),
      show((each) => each.longestGapMs, 1),
      show((each) => each.longestRunningGapMs, 1),
    ]
  })
  const lines = [HEAD, HEAD.map(() => '---'), ...rows]
  console.log(lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n'))
}

if (values.one === undefined) {
  compare()
} else {
  console.log(JSON.stringify(await measure(JSON.parse(values.one) as Measurement)))
}
