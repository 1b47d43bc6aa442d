/** Every workload in small, so that the benchmarks never rot. Nothing is said about speed. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../../packages/bench/dist/main.js', import.meta.url))
const WORKLOADS = [
  'fillrandom-inflight',
  'fillrandom-awaited',
  'fillbatch-1000',
  'readrandom-awaited',
  'readrandom-sync',
  'readseq',
  'readrandom-latency',
  'overwrite-latency',
]

interface Report {
  readonly stores: readonly { readonly name: string }[]
  readonly workloads: readonly {
    readonly workload: string
    readonly operationCount: number
    readonly stores: readonly {
      readonly store: string
      readonly operationsPerSecond: { readonly median: number }
      readonly longestGapMs: { readonly median: number }
      readonly latencies?: { readonly p50Us: { readonly median: number } }
      readonly firstIsFasterBy?: { readonly perRound: readonly number[] }
    }[]
  }[]
}

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-bench-test-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function bench(...args: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  const stores = join(directory, 'stores')
  return new Promise((resolve) => {
    execFile(process.execPath, [program, '--directory', stores, ...args], (error, out, err) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

test('every workload runs on every store, and nothing is left behind', { timeout: 120_000 }, async () => {
  const jsonFile = join(directory, 'report.json')
  const { exitCode, out, err } = await bench('--entries', '1500', '--rounds', '1', '--json', jsonFile)
  expect(err).not.toMatch(/Error/)
  expect(exitCode).toBe(0)

  const report = JSON.parse(readFileSync(jsonFile, 'utf8')) as Report
  const storeNames = report.stores.map(({ name }) => name)
  expect(storeNames[0]).toBe('varve')
  expect(report.workloads.map(({ workload }) => workload)).toEqual(WORKLOADS)
  for (const { workload, operationCount, stores } of report.workloads) {
    expect(out).toContain(workload)
    expect(operationCount).toBe(1500)
    expect(stores.map(({ store }) => store)).toEqual(storeNames)
    for (const { operationsPerSecond, longestGapMs, latencies, firstIsFasterBy } of stores) {
      expect(operationsPerSecond.median).toBeGreaterThan(0)
      expect(longestGapMs.median).toBeGreaterThan(0)
      expect(latencies === undefined).toBe(!workload.endsWith('-latency'))
      expect(firstIsFasterBy?.perRound.length ?? 1).toBe(1)
    }
  }
  expect(readdirSync(join(directory, 'stores'))).toEqual([])
})

test('a small load stays within the limit of memory', { timeout: 60_000 }, async () => {
  const { exitCode, out } = await bench('--memory', '--entries', '5000')
  expect(out).toContain('limit 300 MiB: ok')
  expect(exitCode).toBe(0)
})

test.each([
  [['--entries', 'many'], /--entries must be a whole number/],
  [['--only', 'fillnothing'], /there is no workload 'fillnothing'/],
  [['--stores', 'varve,nothing'], /there is no store 'nothing'/],
])('%s is refused', async (args, message) => {
  const { exitCode, err } = await bench(...args)
  expect(err).toMatch(message)
  expect(exitCode).toBe(2)
})
