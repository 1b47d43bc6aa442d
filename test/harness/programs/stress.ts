/** `npm run stress`: several threads use one store, and all that they see is judged. See `../stress/stress-run.ts`. */
import { randomInt } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { StressRun } from '../stress/stress-run.ts'
import { loadVarve } from '../stress/varve-build.ts'

const USAGE = `npm run stress -- [--minutes M] [--seconds N] [--seed S] [--directory D]

The main thread and three others use one store at once, while threads die. Ends after a minute, or M minutes, or N seconds.
The directory must be new or empty; it is removed at the end, unless something was wrong.
`
const PROGRESS_INTERVAL_MS = 10_000
const MS_PER_SECOND = 1000

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (text === '' || !Number.isFinite(number) || number < 0) {
    throw new Error(`--${name} must be a number, not ${text}`)
  }
  return number
}

async function stress(seed: number, durationMs: number, directory: string): Promise<boolean> {
  const startedMs = performance.now()
  const run = new StressRun(await loadVarve(), directory, seed)
  const report = (): void => {
    const { roundCount, operationCount, deathCount, flushCount, compactionCount, checkpointCount } = run.counts
    say(
      `stress: ${((performance.now() - startedMs) / MS_PER_SECOND).toFixed(0)} s, seed ${seed}: ${roundCount} rounds, ` +
        `${operationCount} steps, ${deathCount} threads ended, ${flushCount} flushes, ${compactionCount} compactions, ` +
        `${checkpointCount} checkpoints`,
    )
  }
  const progress = setInterval(report, PROGRESS_INTERVAL_MS)
  try {
    const findings = await run.run(() => performance.now() - startedMs < durationMs)
    report()
    findings.forEach((finding) => say(`stress: FOUND: ${finding}`))
    say(
      findings.length === 0
        ? 'stress: everything was right'
        : `stress: kept ${directory}; again: npm run stress -- --seed ${seed} (threads interleave as the machine has it)`,
    )
    return findings.length === 0
  } finally {
    clearInterval(progress)
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      seconds: { type: 'string' },
      seed: { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    say(USAGE)
    return
  }
  const seed = values.seed === undefined ? randomInt(2 ** 32) : numberOf('seed', values.seed)
  const seconds =
    values.seconds === undefined ? 60 * numberOf('minutes', values.minutes ?? '1') : numberOf('seconds', values.seconds)
  const directory = path.resolve(values.directory ?? fs.mkdtempSync(path.join(os.tmpdir(), 'varve-stress-')))
  fs.mkdirSync(directory, { recursive: true })
  if (fs.readdirSync(directory).length > 0) {
    throw new Error(`${directory} is not empty`)
  }
  const wasRight = await stress(seed, seconds * MS_PER_SECOND, directory)
  if (wasRight) {
    fs.rmSync(directory, { recursive: true, force: true })
  }
  // Threads that hang are part of a finding: they must not hold the process.
  process.exit(wasRight ? 0 : 1)
}

try {
  await main()
} catch (error) {
  say(`stress: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exit(2)
}
