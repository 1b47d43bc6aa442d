/** A report as text: where it was made, throughput with the event loop's delays, latencies. */
import Table from 'cli-table3'
import type { Summary } from '../comparison/statistics.ts'
import type { Report, StoreFigures, WorkloadFigures } from './report.ts'

const MIB = 1024 * 1024
const NONE = '-'

export function renderReport(report: Report): string {
  const throughput = report.workloads.filter(({ comparedBy }) => comparedBy === 'throughput')
  const latency = report.workloads.filter(({ comparedBy }) => comparedBy === 'latency')
  return [
    renderHead(report),
    ...(throughput.length > 0 ? [renderThroughput(throughput)] : []),
    ...(latency.length > 0 ? [renderLatency(latency)] : []),
    'Medians over the rounds, +- half the distance of the quartiles; gap: the worst of all rounds, in brackets the median.',
    'gap running: gaps without the time in which the main thread waited for a processor; waiting: the share of that time.',
    'x: how many times as fast the first store is, the median of the ratios of each round, with the least and the most.',
  ].join('\n')
}

function renderHead({ environment, settings, stores }: Report): string {
  const { node, v8, platform, cpu, cpuCount, commit, date } = environment
  return [
    `node ${node} (V8 ${v8}), ${platform}, ${cpuCount} x ${cpu}, commit ${commit}, ${date}`,
    `${settings.entryCount} entries, keys ${settings.keySizeBytes} B random, values ${settings.valueSizeBytes} B half ` +
      `compressible, seed ${settings.seed}, ${settings.roundCount} rounds; ${settings.durability}`,
    ...stores.map(
      ({ name, version, settings: own }) =>
        `${name} ${version}: ${Object.entries(own)
          .map(([key, value]) => `${key} ${value}`)
          .join(', ')}`,
    ),
  ].join('\n')
}

function renderThroughput(workloads: readonly WorkloadFigures[]): string {
  const table = new Table({
    head: [
      'workload',
      'operations',
      'store',
      'k ops/s',
      'x',
      'CPU us/op',
      'longest gap ms',
      '> 10 ms',
      'gap running ms',
      '> 10 ms',
      'waiting',
      'p99 ms',
      'RSS MiB',
    ],
    style: { head: [], border: [] },
  })
  for (const { workload, operationCount, stores } of workloads) {
    for (const [index, figures] of stores.entries()) {
      const { operationsPerSecond, cpuUsPerOperation, delayP99Ms } = figures
      table.push([
        index === 0 ? workload : '',
        index === 0 ? String(operationCount) : '',
        figures.store,
        withSpread(operationsPerSecond, 1000),
        ratioText(figures),
        cpuUsPerOperation.median.toFixed(2),
        gapText(figures.longestGapMs),
        percentText(figures.delayedShare),
        gapText(figures.longestRunningGapMs),
        percentText(figures.delayedRunningShare),
        percentText(figures.processorWaitShare),
        delayP99Ms.median.toFixed(1),
        (figures.peakResidentSizeBytes.median / MIB).toFixed(0),
      ])
    }
  }
  return table.toString()
}

function renderLatency(workloads: readonly WorkloadFigures[]): string {
  const table = new Table({
    head: ['workload', 'operations', 'store', 'p50 us', 'x (p50)', 'p99 us', 'p99.9 us', 'max us'],
    style: { head: [], border: [] },
  })
  for (const { workload, operationCount, stores } of workloads) {
    for (const [index, figures] of stores.entries()) {
      const { latencies } = figures
      table.push([
        index === 0 ? workload : '',
        index === 0 ? String(operationCount) : '',
        figures.store,
        latencies === undefined ? NONE : withSpread(latencies.p50Us, 1),
        ratioText(figures),
        latencies?.p99Us.median.toFixed(1) ?? NONE,
        latencies?.p999Us.median.toFixed(1) ?? NONE,
        latencies?.maxUs.median.toFixed(0) ?? NONE,
      ])
    }
  }
  return table.toString()
}

function gapText({ max, median }: Summary): string {
  return `${max.toFixed(1)} (${median.toFixed(1)})`
}

function percentText({ median }: Summary): string {
  return `${(median * 100).toFixed(2)} %`
}

function withSpread({ median, spread }: Summary, unit: number): string {
  return `${(median / unit).toFixed(1)} +-${(spread * 100).toFixed(0)} %`
}

function ratioText({ firstIsFasterBy }: StoreFigures): string {
  if (firstIsFasterBy === undefined) {
    return NONE
  }
  const { median, min, max } = firstIsFasterBy.summary
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`
}
