/** The program of the benchmarks, in small. Each workload by itself is tested beside its source. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'

const program = fileURLToPath(new URL('../../packages/bench/dist/main.js', import.meta.url))
interface Report {
  readonly stores: readonly { readonly name: string }[]
  readonly workloads: readonly {
    readonly workload: string
    readonly operationCount: number
    readonly stores: readonly Figures[]
    readonly ceiling?: Figures
    readonly limits: readonly { readonly limit: string; readonly efficiency: { readonly median: number } }[]
  }[]
}

interface Proof {
  readonly foundCount: number
}

interface Figures {
  readonly store: string
  readonly operationsPerSecond: { readonly median: number }
  readonly longestGapMs: { readonly median: number }
  readonly firstIsFasterBy?: { readonly perRound: readonly number[] }
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

test('a comparison in two rounds, with its limits, leaves nothing behind', { timeout: 120_000 }, async () => {
  const jsonFile = join(directory, 'report.json')
  const workloads = ['readrandom-sync', 'recovery']
  const only = workloads.flatMap((name) => ['--only', name])
  const settings = ['--entries', '1500', '--rounds', '2', '--stores', 'varve,classic-level,memory', '--skip-proofs']
  const { exitCode, out, err } = await bench(...settings, ...only, '--json', jsonFile)
  expect(err).not.toMatch(/Error/)
  expect(exitCode).toBe(0)

  const report = JSON.parse(readFileSync(jsonFile, 'utf8')) as Report
  expect(report.stores.map(({ name }) => name)).toEqual(['varve', 'classic-level', 'memory'])
  expect(report.workloads.map(({ workload }) => workload)).toEqual(workloads)
  for (const { workload, operationCount, stores, ceiling, limits } of report.workloads) {
    expect(out).toContain(`### ${workload}`)
    expect(operationCount).toBe(workload === 'recovery' ? 1 : 1500)
    // Plain memory survives nothing: it stands in no table of a class, and nothing of it can be recovered.
    expect(stores.map(({ store }) => store)).toEqual(['varve', 'classic-level'])
    expect(ceiling?.store).toBe(workload === 'recovery' ? undefined : 'memory')
    for (const { operationsPerSecond, longestGapMs, firstIsFasterBy } of stores) {
      expect(operationsPerSecond.median).toBeGreaterThan(0)
      expect(longestGapMs.median).toBeGreaterThan(0)
      expect(firstIsFasterBy?.perRound.length ?? 2).toBe(2)
    }
    expect(limits.every(({ efficiency }) => efficiency.median > 0)).toBe(true)
  }
  expect(report.workloads.map(({ limits }) => limits.map(({ limit }) => limit))).toEqual([['map', 'pread'], []])
  expect(readdirSync(join(directory, 'stores'))).toEqual([])
})

test('acknowledged writes are proved, and a report becomes documents', { timeout: 120_000 }, async () => {
  const report = join(directory, 'report')
  const readme = join(directory, 'README.md')
  writeFileSync(readme, '<!-- benchmarks: made by npm run bench -- --render -->\n<!-- end of benchmarks -->\n')
  const settings = ['--entries', '100', '--rounds', '1', '--stores', 'varve', '--only', 'fillsync-64']
  const { exitCode, err } = await bench(...settings, '--report', report, '--readme', readme)
  expect(err).toContain('writes of varve survive the death of the process: proved')
  // Where calls cannot be traced it must say so.
  expect(err).toMatch(/writes of varve survive the loss of power: (not )?proved/)
  expect(exitCode).toBe(0)

  const { proofs } = JSON.parse(readFileSync(join(report, 'results.json'), 'utf8')) as { proofs: readonly Proof[] }
  expect(proofs.map(({ foundCount }) => foundCount)).toEqual([200, 200, 200, 200])
  expect(readFileSync(readme, 'utf8')).toContain('| fillsync-64 |')
  const page = readFileSync(join(report, 'index.html'))
  rmSync(join(report, 'index.html'))
  expect((await bench('--render', report)).exitCode).toBe(0)
  expect(readFileSync(join(report, 'index.html')).equals(page)).toBe(true)
})

test('an interrupt ends the processes and removes the stores', { timeout: 60_000 }, async () => {
  const stores = join(directory, 'stores')
  const args = ['--directory', stores, '--only', 'sustained-10x', '--stores', 'varve', '--skip-proofs']
  const child = spawn(process.execPath, [program, ...args], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGTERM'))
  const ended = once(child, 'exit')
  // A process has begun to write to a store, be it the one to warm up on.
  await vi.waitFor(() => expect(storesIn(stores)).not.toEqual([]), { timeout: 50_000, interval: 50 })
  child.kill('SIGINT')
  expect(await ended).toEqual([130, null])
  expect(readdirSync(stores)).toEqual([])
})

/** What stands in the work directory, or nothing yet. */
function storesIn(stores: string): string[] {
  return existsSync(stores) ? readdirSync(stores).flatMap((name) => readdirSync(join(stores, name))) : []
}

test('a small load stays within the limit of memory', { timeout: 60_000 }, async () => {
  const { exitCode, out } = await bench('--memory', '--entries', '5000')
  expect(out).toContain('limit 300 MiB: ok')
  expect(exitCode).toBe(0)
})

test.each([
  [['--entries', 'many'], /--entries must be a whole number/],
  [['--only', 'fillnothing'], /there is no workload 'fillnothing'/],
  [['--stores', 'varve,nothing'], /there is no store 'nothing'/],
  [['--entries', '0'], /--entries must be a whole number from 1/],
  [['--value-bytes', '999999999'], /--value-bytes must be a whole number from 1 to 16777216/],
  [['--memory', '--compare', 'main'], /exclude each other/],
  [['--compare', 'no-such-commit'], /there is no commit 'no-such-commit'/],
  [['--compare', 'main', '--rounds', '5'], /at least 6 rounds/],
  [['--render', 'no-such-directory'], /is no report/],
  [['--nothing'], /Unknown option '--nothing'/],
])('%s is refused', async (args, message) => {
  const { exitCode, err } = await bench(...args)
  expect(err).toMatch(message)
  expect(exitCode).toBe(2)
})
