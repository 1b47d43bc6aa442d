/**
 * Counts the instructions of hot kernels, which a busy machine changes little: with perf where the processor's counters
 * are there, else under callgrind, which is slow. Neither there, nothing is said.
 */
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { KernelName } from '../child/job.ts'
import { spawnJob } from '../child/spawn-job.ts'
import type { WorkDirectory } from '../comparison/work-directory.ts'
import type { StoreName } from '../drivers/stores.ts'

export const KERNELS: readonly KernelName[] = ['put', 'get-memtable', 'get-table', 'scan']
const ITERATION_COUNTS = { few: 10_000, many: 60_000 } as const
/** What the same code differs by from run to run: when it is compiled, when garbage is collected. */
export const INSTRUCTION_TOLERANCE = 0.05

export interface InstructionCounter {
  readonly name: string
  /** The command that counts, and writes to a file. */
  readonly wrapper: (outputFile: string) => readonly string[]
  readonly parse: (output: string) => number | undefined
}

const PERF: InstructionCounter = {
  name: 'perf stat',
  wrapper: (outputFile) => ['perf', 'stat', '-x', ',', '-e', 'instructions:u', '-o', outputFile],
  parse: (output) => numberIn(/^(\d+),[^,]*,instructions/m, output),
}

const CALLGRIND: InstructionCounter = {
  name: 'callgrind',
  wrapper: (outputFile) => [
    'valgrind',
    '--tool=callgrind',
    '--callgrind-out-file=/dev/null',
    // Code that is compiled while it runs.
    '--smc-check=all-non-file',
    `--log-file=${outputFile}`,
  ],
  parse: (output) => numberIn(/Collected : (\d+)/, output),
}

function numberIn(pattern: RegExp, text: string): number | undefined {
  const match = pattern.exec(text)
  return match === null ? undefined : Number(match[1])
}

/** The first that can count here. */
export async function findCounter(work: WorkDirectory): Promise<InstructionCounter | undefined> {
  const outputFile = work.path('counted')
  for (const counter of [PERF, CALLGRIND]) {
    const [file, ...args] = [...counter.wrapper(outputFile), 'true']
    try {
      await promisify(execFile)(file as string, args)
      if (counter.parse(await readFile(outputFile, 'utf8')) !== undefined) {
        return counter
      }
    } catch (error) {
      if (!(error instanceof Error)) {
        throw error
      }
      // It is not installed, or the system does not let it count.
    }
  }
  return undefined
}

/** Instructions of one iteration, by the difference of many and few. */
export async function countInstructions(
  counter: InstructionCounter,
  work: WorkDirectory,
  store: StoreName,
  kernel: KernelName,
): Promise<number> {
  const outputFile = work.path('counted')
  const count = async (iterationCount: number): Promise<number> => {
    await work.withFresh(undefined, (directory) =>
      spawnJob({ type: 'kernel', kernel, store, directory, iterationCount }, { wrapper: counter.wrapper(outputFile) }),
    )
    const counted = counter.parse(await readFile(outputFile, 'utf8'))
    await rm(outputFile, { force: true })
    if (counted === undefined) {
      throw new Error(`${counter.name} did not say how many instructions it counted`)
    }
    return counted
  }
  const { few, many } = ITERATION_COUNTS
  const fewCounted = await count(few)
  return ((await count(many)) - fewCounted) / (many - few)
}
