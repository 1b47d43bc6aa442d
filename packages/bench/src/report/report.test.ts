/** What is made of measurements, by measurements that are made up. */
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { WorkloadResult } from '../child/job.ts'
import { parseCommandLine } from '../command-line.ts'
import type { Measurement } from '../comparison/measurements.ts'
import type { StoreName } from '../drivers/stores.ts'
import { withTable } from './documents.ts'
import { renderMarkdown, renderReadmeTable } from './markdown.ts'
import { renderPage } from './page.ts'
import { buildReport, type Report } from './report.ts'

function result(operationsPerSecond: number): WorkloadResult {
  const eventLoop = {
    longestGapMs: 5,
    longestRunningGapMs: 4,
    delayedShare: 0,
    delayedCount: 0,
    delayedRunningShare: 0,
    processorWaitShare: 0,
    delayMaxMs: 5,
    delayP99Ms: 2,
  }
  return {
    type: 'workload',
    operationCount: 1000,
    elapsedMs: 1_000_000 / operationsPerSecond,
    operationsPerSecond,
    cpuMs: 20,
    mainCpuMs: 15,
    eventLoop,
    latencies: { kind: 'service', count: 10, p50Us: 1, p90Us: 2, p99Us: 3, p999Us: 4, maxUs: 5, meanUs: 1 },
    peakResidentSizeBytes: 2 ** 27,
    residentBeforeSizeBytes: 2 ** 26,
    putSizeBytes: 1000,
    writtenSizeBytes: 2500,
    diskSizeBytes: 1500,
    closeMs: 1,
    series: [],
    sizes: [],
    counts: {},
  }
}

const SPEEDS: Readonly<Partial<Record<StoreName, readonly number[]>>> = {
  varve: [200, 300, 400],
  'classic-level': [100, 100, 100],
  lmdb: [100, 200, 400],
  memory: [900, 900, 900],
}

function reportOf(roundCount: number, proofs: Report['proofs'] = []): Report {
  const names = Object.keys(SPEEDS) as StoreName[]
  const args = ['--only', 'fillrandom-awaited', '--rounds', String(roundCount), '--stores', names.join(',')]
  const workloads = names.flatMap((store) =>
    (SPEEDS[store] ?? [])
      .slice(0, roundCount)
      .map((speed, round): Measurement => ({ round, workload: 'fillrandom-awaited', store, result: result(speed) })),
  )
  const limits = [0, 1, 2].slice(0, roundCount).map((round) => ({
    round,
    key: 'append 100 1',
    limit: 'append' as const,
    operationsPerSecond: 1000,
  }))
  return buildReport({
    environment: {
      date: '2026-01-01T00:00:00.000Z',
      node: '20',
      v8: '11',
      platform: 'linux',
      cpu: 'one & <two>',
      cpuCount: 2,
      memorySizeBytes: 2 ** 30,
      commit: 'abc',
    },
    settings: parseCommandLine(args),
    stores: names.map((name) => ({
      name,
      packageName: name,
      version: '1',
      strongestDurability: 'power',
      settings: {},
      durabilitySettings: { process: '', power: '' },
    })),
    absentStores: [{ name: 'rocksdb', reason: 'it is not installed' }],
    proofs,
    measurements: { workloads, limits, failures: [] },
  })
}

test('ratios are those of the rounds, against the best peer; memory is a ceiling and no peer', () => {
  const [figures] = reportOf(3).workloads
  expect(figures?.stores.map(({ store }) => store)).toEqual(['varve', 'classic-level', 'lmdb'])
  expect(figures?.ceiling?.store).toBe('memory')
  // The median of 200 / 100, 300 / 200 and 400 / 400, not the ratio of the medians.
  expect(figures?.bestPeer).toMatchObject({ store: 'lmdb', firstIsFasterBy: { perRound: [2, 1.5, 1] } })
  expect(figures?.bestPeer?.firstIsFasterBy.summary.median).toBe(1.5)
  expect(figures?.limits[0]?.efficiency?.median).toBeCloseTo(0.3)
  expect(figures?.stores[0]).toMatchObject({ writeAmplification: { median: 2.5 }, spaceAmplification: { median: 1.5 } })
})

test('of one round no ratio is claimed', () => {
  const report = reportOf(1)
  expect(report.workloads[0]?.bestPeer).toBeUndefined()
  expect(renderMarkdown(report)).not.toContain('varve / best peer')
})

test('a store whose durability is refuted has no figures', () => {
  const proof = { store: 'lmdb', durability: 'process', writerCount: 1, writeCount: 200, syncCount: 0 } as const
  const lost = reportOf(3, [{ ...proof, foundCount: 199 }])
  expect(lost.workloads[0]?.stores.map(({ store }) => store)).toEqual(['varve', 'classic-level'])
  expect(renderMarkdown(lost)).toMatch(/lmdb +\| process death +\| +199 .*refuted/)
  const kept = reportOf(3, [{ ...proof, foundCount: 200 }])
  expect(kept.workloads[0]?.stores).toHaveLength(3)
})

test('the documents say what was left out, and are the same each time', () => {
  const report = JSON.parse(JSON.stringify(reportOf(3))) as Report
  expect(renderMarkdown(report)).toContain('rocksdb is left out: it is not installed.')
  expect(renderMarkdown(report)).toBe(renderMarkdown(report))
  const page = renderPage(report)
  // Of so large a text only the answers are shown.
  const contains = (pattern: RegExp): boolean => pattern.test(page)
  expect(contains(/one &amp; &lt;two&gt;/)).toBe(true)
  expect(contains(/Chart\.js v\d/)).toBe(true)
  expect(contains(/__(HEAD|REPORT|LIBRARY|CHARTS)__|<script src|<link|@import/)).toBe(false)
  const embedded = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(page)?.[1] ?? ''
  expect((JSON.parse(embedded) as Report).workloads).toEqual(report.workloads)
})

test('the script of the page draws every kind of chart', () => {
  const report = JSON.parse(JSON.stringify(reportOf(3))) as Report
  const [figures] = report.workloads
  const series = [{ second: 1, operationsPerSecond: 10, longestWaitMs: 200, residentSizeBytes: 1 }]
  const sizes = [{ entryCount: 10_000, writeUs: 1, readUs: 2, seekUs: 3 }]
  const long = {
    ...figures,
    workload: 'sustained-10x',
    stores: figures?.stores.map((store) => ({ ...store, series, sizes })),
  }
  const at = { ...figures, workload: 'write-at-100k' }
  const open = { ...figures, workload: 'open' }
  const drawn = drawnBy(renderPage({ ...report, workloads: [figures, long, at, open] } as Report))
  expect(drawn.map(({ section }) => section)).toEqual([
    'throughput',
    'throughput',
    'latencies',
    'gaps',
    'lifecycles',
    'series',
    'sizes',
    'sizes',
    'sizes',
  ])
  const [bars] = drawn
  expect(bars?.config.data.datasets.map(({ label }) => label)).toEqual(['varve', 'classic-level', 'lmdb', 'memory'])
  expect(bars?.config.data.datasets[0]?.data).toEqual([0.3])
  const point = drawn.find(({ section }) => section === 'series')?.config.data.datasets[0]
  expect(point?.pointRadius?.({ raw: point.data[0] })).toBeGreaterThan(0)
  expect(point?.pointRadius?.({ raw: { waitMs: 1 } })).toBe(0)
})

interface Drawn {
  readonly section: string
  readonly config: {
    readonly data: {
      readonly datasets: readonly {
        readonly label: string
        readonly data: readonly unknown[]
        readonly pointRadius?: (context: unknown) => number
      }[]
    }
  }
}

/** Runs the last script of a page with a document and a library that only take notes. */
function drawnBy(page: string): Drawn[] {
  const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text]) => text ?? '')
  const report = /id="report">(.*?)<\/script>/s.exec(page)?.[1] ?? ''
  const drawn: Drawn[] = []
  const sections: string[] = []
  const element = (): object => ({
    style: {},
    append: () => undefined,
    add: () => undefined,
    addEventListener: () => undefined,
  })
  class Chart {
    static readonly defaults = { font: {} }
    constructor(_canvas: unknown, config: Drawn['config']) {
      drawn.push({ section: '', config })
    }
  }
  const document = {
    createElement: element,
    querySelectorAll: () => [],
    getElementById: (id: string) => ({
      ...element(),
      textContent: report,
      append: () => sections.push(id),
    }),
  }
  runInNewContext(scripts.at(-1) ?? '', { document, Chart, Option: class {} })
  return drawn.map((each, index) => ({ ...each, section: sections[index] ?? '' }))
}

test('the table goes between the marks, and again in its own place', () => {
  const report = reportOf(3)
  const start = '<!-- benchmarks: made by npm run bench -- --render -->'
  const once = withTable(`a\n${start}\nold\n<!-- end of benchmarks -->\nb\n`, report)
  expect(once).toContain(renderReadmeTable(report))
  expect(once).not.toContain('old')
  expect(withTable(once, report)).toBe(once)
  expect(() => withTable('no marks', report)).toThrow(/there must be/)
})
