/** A report as Markdown, which also reads well as plain text: what was measured, where, by which settings, and the tables. */
import type { Summary } from '../comparison/statistics.ts'
import { verdictOf } from '../durability/durability-verdict.ts'
import type { StoreDescription } from '../drivers/store-driver.ts'
import type { LimitName } from '../workloads/workload.ts'
import { workloadNamed } from '../workloads/workloads.ts'
import { renderTable } from './markdown-table.ts'
import type { LatencySummaries, Report, StoreFigures, WorkloadFigures } from './report.ts'

const MIB = 1024 * 1024
const NONE = '-'

const LIMIT_TEXTS: Readonly<Record<LimitName, string>> = {
  append: 'limit: appending the same bytes in 64 KiB chunks',
  'append-synced': 'limit: appending what all writers have in flight, and fdatasync',
  map: 'limit: looking up in a Map',
  pread: 'limit: reading 4 KiB from the page cache',
  'pread-sequential': 'limit: reading the same bytes from the page cache in 64 KiB chunks',
}

export function renderMarkdown(report: Report): string {
  return [
    '# Benchmarks',
    '',
    ...renderHead(report),
    '',
    ...proofSection(report),
    '## Overview',
    '',
    'Thousand operations a second, medians.' +
      (hasRatios(report) ? ' The last column is varve against the best peer.' : ''),
    '',
    renderOverview(report, report.workloads),
    '',
    ...classSection(report, 'process', 'Writes that survive the death of the process'),
    ...classSection(report, 'power', 'Writes that survive the loss of power'),
    ...sizeSection(report),
    ...stallSection(report),
    ...failureSection(report),
    '## How to read this',
    '',
    ...EXPLANATIONS,
    '',
  ].join('\n')
}

const EXPLANATIONS: readonly string[] = [
  '- Each store and workload runs in a process of its own. The order of the stores rotates from round to round.',
  '- Figures are medians over the rounds, +- half the distance of the quartiles. Absolute figures move from machine to',
  '  machine and from run to run: ratios count. A ratio is the median of the ratios of each round, with the least and the',
  '  most. Of one round no ratio is claimed.',
  '- Latencies are those of single operations, from a histogram with three significant digits. At an offered rate they',
  '  count from when an operation was due, so that a stall counts for all that had to wait. Otherwise they are those of a',
  '  loop that asks for less while the store is slow.',
  '- `gap` is the longest time between two firings of a 1 ms timer, the worst of all rounds, and in brackets without the',
  '  time in which the main thread waited for a processor. `late` is the share of the time in gaps with more than 10 ms',
  '  of delay. A store whose calls are synchronous has few turns of the loop by its nature.',
  '- CPU is that of the main thread and of all others. Memory is the peak of the whole process, keys included; the other',
  '  figure is what the process had before the store was opened.',
  '- Write amplification is bytes written by the process, flushes and compactions until the close included, for each byte',
  '  of keys and values. Space amplification is bytes on the disk after the close for each such byte of a fill.',
  '- Efficiency is the part of a limit that varve reaches.',
]

function hasRatios({ workloads }: Report): boolean {
  return workloads.some(({ bestPeer }) => bestPeer !== undefined)
}

function renderHead({ environment, settings, stores, absentStores }: Report): string[] {
  const { node, v8, platform, cpu, cpuCount, memorySizeBytes, commit, date } = environment
  return [
    ...(settings.isQuick
      ? ['**A quick run: one round of small stores. It shows the form, not the figures.**', '']
      : []),
    `- Node ${node} (V8 ${v8}), ${platform}, ${cpuCount} x ${cpu}, ${(memorySizeBytes / MIB / 1024).toFixed(0)} GiB`,
    `- Commit ${commit}, ${date}`,
    `- ${settings.entryCount} entries, keys of ${settings.keySizeBytes} B, values of ${settings.valueSizeBytes} B that ` +
      `compress to half, seed ${settings.seed}, ${settings.roundCount} ${settings.roundCount === 1 ? 'round' : 'rounds'}, ` +
      `a cache of ${settings.cacheSizeBytes / MIB} MiB in every store that has one`,
    '',
    '## Stores',
    '',
    renderTable(
      ['store', 'package', 'version', 'settings', 'process death', 'power loss'],
      stores.map((store) => [
        store.name,
        store.packageName,
        store.version,
        settingsText(store),
        store.durabilitySettings.process,
        store.durabilitySettings.power,
      ]),
    ),
    ...absentStores.map(({ name, reason }) => `\n${name} is left out: ${reason}.`),
  ]
}

/** What is proved of each class, by a process that is killed and by counting its syncs. */
function proofSection({ proofs }: Report): string[] {
  const classes = new Map(proofs.map(({ store, durability }) => [`${store} ${durability}`, { store, durability }]))
  return proofs.length === 0
    ? []
    : [
        '## What acknowledged writes survive',
        '',
        `A process wrote ${proofs[0]?.writeCount ?? 0} entries, awaited each, and was killed with SIGKILL; the entries that`,
        'another one found are counted, and the syncs that were made meanwhile. A class that is refuted has no figures here.',
        '',
        renderTable(
          ['store', 'class', 'found', 'syncs, 1 writer', 'syncs, 64 writers', 'verdict'],
          [...classes.values()].map(({ store, durability }) => {
            const own = proofs.filter((proof) => proof.store === store && proof.durability === durability)
            const syncs = (count: number): string =>
              String(own.find(({ writerCount }) => writerCount === count)?.syncCount ?? 'not traced')
            return [
              store,
              durability === 'process' ? 'process death' : 'power loss',
              String(Math.min(...own.map(({ foundCount }) => foundCount))),
              syncs(1),
              syncs(64),
              verdictOf(proofs, store, durability),
            ]
          }),
        ),
        '',
      ]
}

function settingsText({ settings }: StoreDescription): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
}

/** What a reader of the front page is told: the main workloads, or what there is of them. */
export function renderReadmeTable(report: Report): string {
  const { environment, settings } = report
  const { node, cpu, cpuCount, commit } = environment
  return [
    ...(settings.isQuick ? ['A quick run of small stores: it shows the form, not the figures.', ''] : []),
    `Thousand operations a second, ${settings.entryCount} entries, values of ${settings.valueSizeBytes} B, Node ${node},`,
    `${cpuCount} x ${cpu}, commit ${commit}.`,
    '',
    renderOverview(
      report,
      report.workloads.filter(({ workload }) => workloadNamed(workload).isMain === true),
    ),
  ].join('\n')
}

/** One row a workload, one column a store. */
function renderOverview(report: Report, workloads: readonly WorkloadFigures[]): string {
  const names = report.stores.map(({ name }) => name)
  const withRatios = workloads.some(({ bestPeer }) => bestPeer !== undefined)
  return renderTable(
    ['workload', ...names, ...(withRatios ? ['varve / best peer'] : [])],
    workloads.map(({ workload, stores, ceiling, bestPeer }) => [
      workload,
      ...names.map((name) => {
        const figures = [...stores, ...(ceiling === undefined ? [] : [ceiling])].find(({ store }) => store === name)
        return figures === undefined ? NONE : rateText(figures.operationsPerSecond.median)
      }),
      ...(withRatios
        ? [bestPeer === undefined ? NONE : `${ratioText(bestPeer.firstIsFasterBy.summary)} ${bestPeer.store}`]
        : []),
    ]),
  )
}

function classSection(report: Report, durability: 'process' | 'power', title: string): string[] {
  const workloads = report.workloads.filter((workload) => workload.durability === durability)
  return workloads.length === 0 ? [] : [`## ${title}`, '', ...workloads.flatMap(renderWorkload)]
}

function renderWorkload(workload: WorkloadFigures): string[] {
  const { stores, ceiling, limits } = workload
  return [
    `### ${workload.workload}`,
    '',
    `${capitalized(workload.description)}. ${workload.operationCount} operations.${responseText(stores)}`,
    '',
    renderTable(
      [
        'store',
        'k ops/s',
        'varve is x',
        'p50 us',
        'p99',
        'p99.9',
        'max',
        'gap ms',
        'late',
        'CPU us/op main + others',
        'memory MiB',
        'write amp',
        'space amp',
        'disk MiB',
      ],
      stores.map(storeRow),
    ),
    '',
    ...(ceiling === undefined ? [] : [`- ceiling: plain memory, ${withSpread(ceiling.operationsPerSecond)} k/s`]),
    ...limits.map(
      ({ limit, operationsPerSecond, efficiency }) =>
        `- ${LIMIT_TEXTS[limit]}, ${withSpread(operationsPerSecond)} k/s` +
        (efficiency === undefined ? '' : `; efficiency ${percentText(efficiency.median)}`),
    ),
    ...(ceiling !== undefined || limits.length > 0 ? [''] : []),
  ]
}

function responseText(stores: readonly StoreFigures[]): string {
  return stores.some(({ latencies }) => latencies?.kind === 'response')
    ? ' Latencies count from when they were due.'
    : ''
}

function storeRow(figures: StoreFigures): string[] {
  const { latencies, cpuUsPerOperation, mainCpuUsPerOperation } = figures
  const us = (pick: (latencies: LatencySummaries) => Summary): string =>
    latencies === undefined ? NONE : shortNumber(pick(latencies).median)
  const main = mainCpuUsPerOperation?.median
  return [
    figures.store,
    withSpread(figures.operationsPerSecond),
    figures.firstIsFasterBy === undefined ? NONE : ratioText(figures.firstIsFasterBy.summary),
    us(({ p50Us }) => p50Us),
    us(({ p99Us }) => p99Us),
    us(({ p999Us }) => p999Us),
    us(({ maxUs }) => maxUs),
    `${figures.longestGapMs.max.toFixed(1)} (${figures.longestRunningGapMs.max.toFixed(1)})`,
    percentText(figures.delayedShare.median),
    main === undefined
      ? shortNumber(cpuUsPerOperation.median)
      : `${shortNumber(main)} + ${shortNumber(Math.max(0, cpuUsPerOperation.median - main))}`,
    `${inMib(figures.peakResidentSizeBytes)} (${inMib(figures.residentBeforeSizeBytes)})`,
    figures.writeAmplification?.median.toFixed(2) ?? NONE,
    figures.spaceAmplification?.median.toFixed(2) ?? NONE,
    inMib(figures.diskSizeBytes),
  ]
}

function sizeSection({ workloads }: Report): string[] {
  const grown = workloads.filter(({ stores }) => stores.some(({ sizes }) => sizes.length > 0))
  return grown.flatMap(({ workload, stores }) => [
    `## Cost against size (${workload})`,
    '',
    'Microseconds of a write in a batch of 1000, of a get, and of a seek with one entry.',
    '',
    renderTable(
      ['entries', ...stores.map(({ store }) => store)],
      (stores[0]?.sizes ?? []).map(({ entryCount }, index) => [
        String(entryCount),
        ...stores.map(({ sizes }) => {
          const size = sizes[index]
          return size === undefined
            ? NONE
            : `${size.writeUs.toFixed(2)} / ${size.readUs.toFixed(2)} / ${size.seekUs.toFixed(2)}`
        }),
      ]),
    ),
    '',
  ])
}

/** A second in which a write waited at least so long is a stall. */
export const STALL_MS = 100

function stallSection({ workloads }: Report): string[] {
  const long = workloads.filter(({ stores }) => stores.some(({ series }) => series.length > 0))
  return long.flatMap(({ workload, stores }) => [
    `## Evenness (${workload})`,
    '',
    `Seconds in which a batch waited for ${STALL_MS} ms or more are stalls.`,
    '',
    renderTable(
      ['store', 'seconds', 'slowest second, k/s', 'median second', 'stalls', 'longest wait ms'],
      stores.map(({ store, series }) => {
        const rates = series.map((point) => point.operationsPerSecond).toSorted((a, b) => a - b)
        return [
          store,
          String(series.length),
          rateText(rates[0] ?? 0),
          rateText(rates[rates.length >> 1] ?? 0),
          String(series.filter(({ longestWaitMs }) => longestWaitMs >= STALL_MS).length),
          Math.max(0, ...series.map(({ longestWaitMs }) => longestWaitMs)).toFixed(0),
        ]
      }),
    ),
    '',
  ])
}

function failureSection({ failures }: Report): string[] {
  return failures.length === 0
    ? []
    : [
        '## Failures',
        '',
        ...failures.map(
          ({ workload, store, round, message }) =>
            `- ${workload} on ${store}, round ${round + 1}: ${message.split('\n')[0]}`,
        ),
        '',
      ]
}

function withSpread({ median, spread, min, max }: Summary): string {
  return min === max ? rateText(median) : `${rateText(median)} +-${(spread * 100).toFixed(0)} %`
}

/** In thousands. */
function rateText(perSecond: number): string {
  return shortNumber(perSecond / 1000)
}

function shortNumber(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3)
}

function ratioText({ median, min, max }: Summary): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`
}

function percentText(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function inMib({ median }: Summary): string {
  return (median / MIB).toFixed(0)
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
