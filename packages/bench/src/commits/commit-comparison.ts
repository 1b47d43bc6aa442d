/** Two commits of Varve in alternation, under this harness: fails when this working tree is slower beyond noise. */
import { writeFile } from 'node:fs/promises'
import { UsageError, type Settings } from '../command-line.ts'
import { Comparison } from '../comparison/comparison.ts'
import type { Measurement } from '../comparison/measurements.ts'
import { WorkDirectory } from '../comparison/work-directory.ts'
import { BASE_VARIABLE, type StoreName } from '../drivers/stores.ts'
import { renderTable } from '../report/markdown-table.ts'
import { buildBase } from './base-build.ts'
import { INSTRUCTION_TOLERANCE, KERNELS, countInstructions, findCounter } from './instructions.ts'
import { ROUND_COUNT_MIN, TOLERANCE, judge, type Slowdown } from './slowdown.ts'

const STORES: readonly StoreName[] = ['varve', 'varve-base']

interface WorkloadVerdict {
  readonly workload: string
  readonly speed: Slowdown
  /** Of the CPU time of an operation, turned round so that below 1 is slower. */
  readonly cpu: Slowdown
}

interface KernelVerdict {
  readonly kernel: string
  readonly own: number
  readonly base: number
  readonly isSlower: boolean
}

/** Resolves to the exit code: 1 when something is slower. */
export async function compareCommits(settings: Settings, note: (text: string) => void): Promise<number> {
  const { baseCommit, roundCount } = settings
  if (baseCommit === undefined || roundCount < ROUND_COUNT_MIN) {
    throw new UsageError(`--compare needs at least ${ROUND_COUNT_MIN} rounds to tell a slowdown from noise`)
  }
  const work = await WorkDirectory.create(settings.directory)
  try {
    const base = await buildBase(baseCommit, work.path('base'), note)
    // For the child processes, which load the other build.
    process.env[BASE_VARIABLE] = base.enginePath
    const { workloads, failures } = await new Comparison({ ...settings, storeNames: STORES }, STORES, work, note).run()
    const verdicts = settings.workloadNames.map((workload) => verdictOf(workload, workloads))
    const kernels = settings.countsInstructions ? await judgeKernels(work, note) : []
    console.log(renderVerdicts(base.commit, verdicts, kernels))
    if (settings.jsonFile !== undefined) {
      await writeFile(settings.jsonFile, `${JSON.stringify({ base: base.commit, verdicts, kernels }, undefined, 2)}\n`)
    }
    const slower = [
      ...verdicts.filter(isSlower).map(({ workload }) => workload),
      ...kernels.filter((each) => each.isSlower).map(({ kernel }) => kernel),
    ]
    console.log(slower.length === 0 ? 'Nothing is slower beyond noise.' : `Slower beyond noise: ${slower.join(', ')}.`)
    return slower.length === 0 && failures.length === 0 ? 0 : 1
  } finally {
    await work.remove()
  }
}

function isSlower({ speed, cpu }: WorkloadVerdict): boolean {
  return speed.isSlower || cpu.isSlower
}

function verdictOf(workload: string, measurements: readonly Measurement[]): WorkloadVerdict {
  const own = measurements.filter((each) => each.workload === workload && each.store === 'varve')
  const pairs = own.flatMap((each) => {
    const other = measurements.find(
      (candidate) =>
        candidate.workload === workload && candidate.store === 'varve-base' && candidate.round === each.round,
    )
    return other === undefined ? [] : [{ own: each.result, base: other.result }]
  })
  return {
    workload,
    speed: judge(pairs.map((pair) => pair.own.operationsPerSecond / pair.base.operationsPerSecond)),
    cpu: judge(
      pairs.map((pair) => pair.base.cpuMs / pair.base.operationCount / (pair.own.cpuMs / pair.own.operationCount)),
    ),
  }
}

async function judgeKernels(work: WorkDirectory, note: (text: string) => void): Promise<KernelVerdict[]> {
  const counter = await findCounter(work)
  if (counter === undefined) {
    note('neither perf nor valgrind can count instructions here')
    return []
  }
  const verdicts: KernelVerdict[] = []
  for (const kernel of KERNELS) {
    const own = await countInstructions(counter, work, 'varve', kernel)
    const base = await countInstructions(counter, work, 'varve-base', kernel)
    verdicts.push({ kernel, own, base, isSlower: own > base * (1 + INSTRUCTION_TOLERANCE) })
    note(`${kernel}: ${own.toFixed(0)} instructions, base ${base.toFixed(0)} (${counter.name})`)
  }
  return verdicts
}

function renderVerdicts(
  commit: string,
  verdicts: readonly WorkloadVerdict[],
  kernels: readonly KernelVerdict[],
): string {
  const text = ({ median, low, high }: Slowdown): string =>
    `${median.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`
  return [
    `This working tree against ${commit.slice(0, 12)}: below 1 is slower. In brackets the interval of the median with 95 %`,
    `confidence; slower is what lies below ${1 - TOLERANCE} with all of it.`,
    '',
    renderTable(
      ['workload', 'speed', 'CPU', ''],
      verdicts.map((verdict) => [
        verdict.workload,
        text(verdict.speed),
        text(verdict.cpu),
        isSlower(verdict) ? 'SLOWER' : '',
      ]),
    ),
    '',
    ...(kernels.length === 0
      ? []
      : [
          renderTable(
            ['kernel', 'instructions', 'base', ''],
            kernels.map(({ kernel, own, base, isSlower: slower }) => [
              kernel,
              own.toFixed(0),
              base.toFixed(0),
              slower ? 'SLOWER' : '',
            ]),
          ),
          '',
        ]),
  ].join('\n')
}
