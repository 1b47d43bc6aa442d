/**
 * `npm run crash`: kills writers in a loop on one directory, for as long as it is told to. What must be found is kept
 * here, outside of the processes that die and of the directory. See `crash-directory.ts`.
 */
import { randomInt } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { CrashDirectory } from '../crash-directory.ts'
import { SeededRandom } from '../random.ts'

const USAGE = `npm run crash -- [--cycles N] [--minutes M] [--seed S] [--directory D]

Kills processes that write to one store, and checks what the next one finds. Ends after N cycles (1000) or M minutes.
The directory must be new or empty; it is removed at the end, unless something was wrong.
`
const PROGRESS_INTERVAL_MS = 5000
const MS_PER_MINUTE = 60_000

interface Settings {
  readonly cycleCount: number
  readonly endMs: number
  readonly seed: number
  readonly directory: string
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  const number = text === undefined ? otherwise : Number(text)
  if (text === '' || (!Number.isSafeInteger(number) && number !== Infinity) || number < 0) {
    throw new Error(`--${name} must be a whole number, not ${text}`)
  }
  return number
}

function settingsOf(args: string[]): Settings | undefined {
  const { values } = parseArgs({
    args,
    options: {
      cycles: { type: 'string' },
      minutes: { type: 'string' },
      seed: { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    return undefined
  }
  const minutes = wholeNumber('minutes', values.minutes, Infinity)
  const directory = path.resolve(values.directory ?? fs.mkdtempSync(path.join(os.tmpdir(), 'varve-crash-')))
  if (fs.existsSync(directory) && fs.readdirSync(directory).length > 0) {
    throw new Error(`${directory} is not empty: what must be found in it is not known`)
  }
  return {
    cycleCount: wholeNumber('cycles', values.cycles, minutes === Infinity ? 1000 : Infinity),
    endMs: performance.now() + minutes * MS_PER_MINUTE,
    seed: wholeNumber('seed', values.seed, randomInt(2 ** 32)),
    directory,
  }
}

class CrashRun {
  readonly #settings: Settings
  readonly #crash: CrashDirectory
  readonly #startedMs: number = performance.now()
  #cycle = 0
  #isStopped = false

  constructor(settings: Settings) {
    this.#settings = settings
    this.#crash = new CrashDirectory(path.join(settings.directory, 'store'), new SeededRandom(settings.seed))
  }

  stop(): void {
    this.#isStopped = true
    this.#crash.abandon()
  }

  /** Whether everything was right. */
  async run(): Promise<boolean> {
    const { directory, seed, cycleCount, endMs } = this.#settings
    say(`crash: seed ${seed}, directory ${directory}`)
    const progress = setInterval(() => this.#report(), PROGRESS_INTERVAL_MS)
    try {
      for (; this.#cycle < cycleCount && performance.now() < endMs && !this.#isStopped; this.#cycle++) {
        await this.#crash.cycle()
      }
      if (!this.#isStopped) {
        await this.#crash.checkHere()
      }
    } catch (error) {
      if (!this.#isStopped) {
        this.#fail(error)
        return false
      }
    } finally {
      clearInterval(progress)
    }
    this.#report()
    fs.rmSync(directory, { recursive: true, force: true })
    say(this.#isStopped ? 'crash: stopped; what was found until then was right' : 'crash: everything was right')
    return true
  }

  #report(): void {
    const { cycleCount, seed } = this.#settings
    const { counts } = this.#crash
    const of = cycleCount === Infinity ? '' : `/${cycleCount}`
    const seconds = ((performance.now() - this.#startedMs) / 1000).toFixed(0)
    say(
      `crash: cycle ${this.#cycle}${of}, ${seconds} s, seed ${seed}: ${counts.killCount} killed while they wrote ` +
        `(${counts.killedInCompactionCount} compacting, ${counts.killedInCloseCount} closing), ` +
        `${counts.killedInOpenCount} opening, ${counts.closedCount} closed; ` +
        `${counts.acknowledgedCount} operations acknowledged`,
    )
  }

  #fail(error: unknown): void {
    const { directory, seed } = this.#settings
    const expected = path.join(directory, 'expected.json')
    fs.writeFileSync(expected, `${JSON.stringify(this.#crash.describe(), undefined, 1)}\n`)
    this.#report()
    say(`crash: cycle ${this.#cycle} FAILED: ${error instanceof Error ? error.message : String(error)}`)
    say(`crash: kept ${directory}: the store, and in ${expected} what it must hold and what was done last`)
    say(`crash: the same options, operations and times again: npm run crash -- --seed ${seed}`)
    say('crash: which instruction a process dies at is up to the machine: repeat it until it fails again')
  }
}

async function main(): Promise<void> {
  const settings = settingsOf(process.argv.slice(2))
  if (settings === undefined) {
    say(USAGE)
    return
  }
  const run = new CrashRun(settings)
  process.once('SIGINT', () => run.stop())
  process.once('SIGTERM', () => run.stop())
  process.exitCode = (await run.run()) ? 0 : 1
}

try {
  await main()
} catch (error) {
  say(`crash: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 2
}
