/** The options of the program, what they default to, and the one place where they are checked. */
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { VALUE_SIZE_BYTES } from './dataset/dataset.ts'
import { STORE_NAMES, type StoreName } from './drivers/stores.ts'
import { WORKLOADS, workloadsNamed } from './workloads/workloads.ts'

export class UsageError extends Error {}

export interface Settings {
  readonly wantsHelp: boolean
  readonly mode: 'comparison' | 'memory' | 'commits' | 'render'
  readonly isQuick: boolean
  readonly entryCount: number
  readonly valueSizeBytes: number
  readonly cacheSizeBytes: number
  readonly roundCount: number
  readonly storeNames: readonly StoreName[]
  /** In the order in which they run. */
  readonly workloadNames: readonly string[]
  readonly seed: number
  /** Where the stores are made, each in a directory of its own that is removed afterwards. */
  readonly directory: string
  readonly jsonFile: string | undefined
  /** Where the report is written as JSON, Markdown and a page. */
  readonly reportDirectory: string | undefined
  /** The commit to compare this working tree with. */
  readonly baseCommit: string | undefined
  readonly countsInstructions: boolean
  readonly provesDurability: boolean
  /** Where the results of an earlier run are, to be rendered again. */
  readonly renderedDirectory: string | undefined
  /** A document that a table of the results goes into, between its marks. */
  readonly readmeFile: string | undefined
}

const MIB = 1024 * 1024
const ENTRY_COUNT = { comparison: 1_000_000, quick: 100_000, memory: 5_000_000, commits: 200_000, render: 1 } as const
const ROUND_COUNT = { full: 5, quick: 1, commits: 10 } as const
const QUICK_STORES: readonly StoreName[] = ['varve', 'classic-level', 'lmdb']
const VALUE_SIZE_BYTES_MAX = 16 * MIB

export const HELP: string = `Usage: npm run bench -- [options]

Compares stores, each workload in a process of its own.

  --quick            ${QUICK_STORES.join(', ')}; the main workloads, ${ENTRY_COUNT.quick} entries, one round, no ratios
  --only NAME        one workload or a family such as 'ycsb'; may be repeated
  --stores A,B       ${STORE_NAMES.join(', ')}
  --entries N        entries of a store (${ENTRY_COUNT.comparison})
  --value-bytes N    size of a value (${VALUE_SIZE_BYTES})
  --cache-mib N      cache of blocks or pages, alike in all stores (64)
  --rounds N         how often each store runs each workload (${ROUND_COUNT.full})
  --seed N           seed of keys and values (1)
  --directory DIR    where the stores are made (the system's temporary directory)
  --json FILE        write everything measured to a file
  --report DIR       write results.json, README.md and index.html into a directory
  --render DIR       make README.md and index.html anew from the results.json in DIR; measures nothing
  --readme FILE      put the table of the main workloads between the marks of a document
  --skip-proofs      do not count syncs and kill processes to prove what writes survive
  --compare BASE     this working tree and the commit BASE of Varve in alternation; exit code 1 if it has become slower
  --instructions     with --compare: count the instructions of hot kernels, by perf, or valgrind in a quarter of an hour
  --memory           check the memory of a load of ${ENTRY_COUNT.memory} entries; exit code 1 beyond the limit

Workloads:
${WORKLOADS.map(({ name, description, isOnRequest }) => `  ${name.padEnd(26)} ${description}${isOnRequest === true ? ' (only if named)' : ''}`).join('\n')}`

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): Settings {
  const values = parse(args)
  const mode = modeOf(values)
  const { quick: isQuick } = values
  const isQuickComparison = isQuick && mode === 'comparison'
  const roundCount = isQuickComparison ? ROUND_COUNT.quick : mode === 'commits' ? ROUND_COUNT.commits : ROUND_COUNT.full
  return {
    wantsHelp: values.help,
    mode,
    isQuick,
    entryCount: wholeNumber('entries', values.entries, ENTRY_COUNT[isQuickComparison ? 'quick' : mode], 1),
    valueSizeBytes: wholeNumber('value-bytes', values['value-bytes'], VALUE_SIZE_BYTES, 1, VALUE_SIZE_BYTES_MAX),
    cacheSizeBytes: wholeNumber('cache-mib', values['cache-mib'], 64, 1, 2047) * MIB,
    roundCount: wholeNumber('rounds', values.rounds, roundCount, 1),
    storeNames: values.stores === undefined ? (isQuick ? QUICK_STORES : STORE_NAMES) : storeNames(values.stores),
    workloadNames: workloadNames(values.only, isQuick || mode === 'commits'),
    seed: wholeNumber('seed', values.seed, 1, 0),
    directory: resolve(values.directory ?? tmpdir()),
    jsonFile: values.json,
    reportDirectory: values.report,
    baseCommit: values.compare,
    countsInstructions: values.instructions,
    provesDurability: !values['skip-proofs'],
    renderedDirectory: values.render,
    readmeFile: values.readme,
  }
}

interface RawValues {
  readonly help: boolean
  readonly memory: boolean
  readonly quick: boolean
  readonly instructions: boolean
  readonly 'skip-proofs': boolean
  readonly readme?: string
  readonly entries?: string
  readonly 'value-bytes'?: string
  readonly 'cache-mib'?: string
  readonly rounds?: string
  readonly stores?: string
  readonly only: readonly string[]
  readonly seed?: string
  readonly directory?: string
  readonly json?: string
  readonly report?: string
  readonly render?: string
  readonly compare?: string
}

function parse(args: readonly string[]): RawValues {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        memory: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        instructions: { type: 'boolean', default: false },
        'skip-proofs': { type: 'boolean', default: false },
        readme: { type: 'string' },
        entries: { type: 'string' },
        'value-bytes': { type: 'string' },
        'cache-mib': { type: 'string' },
        rounds: { type: 'string' },
        stores: { type: 'string' },
        only: { type: 'string', multiple: true, default: [] },
        seed: { type: 'string' },
        directory: { type: 'string' },
        json: { type: 'string' },
        report: { type: 'string' },
        render: { type: 'string' },
        compare: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function modeOf({ memory, compare, render }: RawValues): Settings['mode'] {
  const modes: Settings['mode'][] = [
    ...(memory ? ['memory' as const] : []),
    ...(compare === undefined ? [] : ['commits' as const]),
    ...(render === undefined ? [] : ['render' as const]),
  ]
  if (modes.length > 1) {
    throw new UsageError('--memory, --compare and --render exclude each other')
  }
  return modes[0] ?? 'comparison'
}

function wholeNumber(name: string, text: string | undefined, byDefault: number, min: number, max = 1e9): number {
  if (text === undefined) {
    return byDefault
  }
  const value = Number(text.replaceAll('_', ''))
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not '${text}'`)
  }
  return value
}

function storeNames(text: string): StoreName[] {
  const names = text.split(',').map((name) => {
    const known = STORE_NAMES.find((storeName) => storeName === name.trim())
    if (known === undefined) {
      throw new UsageError(`there is no store '${name}'; there are ${STORE_NAMES.join(', ')}`)
    }
    return known
  })
  return [...new Set(names)]
}

function workloadNames(only: readonly string[], isQuick: boolean): string[] {
  const asked = new Set<string>()
  for (const name of only) {
    const found = workloadsNamed(name)
    if (found.length === 0) {
      throw new UsageError(
        `there is no workload '${name}'; there are ${WORKLOADS.map((known) => known.name).join(', ')}`,
      )
    }
    found.forEach((workload) => asked.add(workload.name))
  }
  return WORKLOADS.filter((workload) =>
    only.length > 0
      ? asked.has(workload.name)
      : workload.isOnRequest !== true && (!isQuick || workload.isMain === true),
  ).map(({ name }) => name)
}
