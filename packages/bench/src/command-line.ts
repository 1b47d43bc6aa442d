/** The options of the program, what they default to, and the one place where they are checked. */
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { STORE_NAMES, type StoreName } from './drivers/stores.ts'
import { WORKLOADS } from './workloads/workloads.ts'

export class UsageError extends Error {}

export interface Settings {
  readonly wantsHelp: boolean
  readonly mode: 'comparison' | 'memory'
  readonly entryCount: number
  readonly roundCount: number
  readonly storeNames: readonly StoreName[]
  readonly workloadNames: readonly string[]
  readonly seed: number
  /** Where the stores are made, each in a directory of its own that is removed afterwards. */
  readonly directory: string
  readonly jsonFile: string | undefined
}

const ENTRY_COUNT = { comparison: 1_000_000, quick: 100_000, memory: 5_000_000 } as const
const ROUND_COUNT = { full: 5, quick: 3 } as const

export const HELP: string = `Usage: npm run bench -- [options]

Compares stores, each workload in a process of its own, or checks how much memory a load takes.

  --entries N      entries of a fill (${ENTRY_COUNT.comparison}; with --memory ${ENTRY_COUNT.memory})
  --rounds N       how often each store runs each workload (${ROUND_COUNT.full})
  --stores A,B     ${STORE_NAMES.join(', ')}
  --only NAME      one workload; may be repeated: ${WORKLOADS.map(({ name }) => name).join(', ')}
  --quick          ${ENTRY_COUNT.quick} entries, ${ROUND_COUNT.quick} rounds
  --seed N         seed of keys and values (1)
  --directory DIR  where the stores are made (the system's temporary directory)
  --json FILE      write everything measured to a file
  --memory         check the memory of a load of ${ENTRY_COUNT.memory} entries instead; exit code 1 beyond the limit`

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): Settings {
  const values = parse(args)
  const mode = values.memory ? 'memory' : 'comparison'
  const entryCountDefault = mode === 'comparison' && values.quick ? ENTRY_COUNT.quick : ENTRY_COUNT[mode]
  return {
    wantsHelp: values.help,
    mode,
    entryCount: wholeNumber('entries', values.entries, entryCountDefault, 1),
    roundCount: wholeNumber('rounds', values.rounds, values.quick ? ROUND_COUNT.quick : ROUND_COUNT.full, 1),
    storeNames: values.stores === undefined ? STORE_NAMES : storeNames(values.stores),
    workloadNames: workloadNames(values.only),
    seed: wholeNumber('seed', values.seed, 1, 0),
    directory: resolve(values.directory ?? tmpdir()),
    jsonFile: values.json,
  }
}

interface RawValues {
  readonly help: boolean
  readonly memory: boolean
  readonly quick: boolean
  readonly entries?: string
  readonly rounds?: string
  readonly stores?: string
  readonly only: readonly string[]
  readonly seed?: string
  readonly directory?: string
  readonly json?: string
}

function parse(args: readonly string[]): RawValues {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        memory: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        entries: { type: 'string' },
        rounds: { type: 'string' },
        stores: { type: 'string' },
        only: { type: 'string', multiple: true, default: [] },
        seed: { type: 'string' },
        directory: { type: 'string' },
        json: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function wholeNumber(name: string, text: string | undefined, byDefault: number, min: number): number {
  if (text === undefined) {
    return byDefault
  }
  const value = Number(text.replaceAll('_', ''))
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < min) {
    throw new UsageError(`--${name} must be a whole number of at least ${min}, not '${text}'`)
  }
  return value
}

function storeNames(text: string): StoreName[] {
  return text.split(',').map((name) => {
    const known = STORE_NAMES.find((storeName) => storeName === name.trim())
    if (known === undefined) {
      throw new UsageError(`there is no store '${name}'; there are ${STORE_NAMES.join(', ')}`)
    }
    return known
  })
}

function workloadNames(only: readonly string[]): string[] {
  const names = WORKLOADS.map(({ name }) => name)
  for (const name of only) {
    if (!names.includes(name)) {
      throw new UsageError(`there is no workload '${name}'; there are ${names.join(', ')}`)
    }
  }
  return only.length === 0 ? names : names.filter((name) => only.includes(name))
}
