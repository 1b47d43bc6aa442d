// Unit tests beside the sources (`unit`) and tests across packages (`cross`). Either imports other
// packages by name and so gets their build: run `npm run build` first, `npm test` does.
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** `VARVE_BUILD` names a directory with copies of the built packages, which the tests then import. */
const build = process.env['VARVE_BUILD']
const packages = ['varve', '@varve/storage', '@varve/workers']
const alias =
  build === undefined
    ? {}
    : Object.fromEntries(packages.map((name) => [name, `${build}/node_modules/${name}/dist/index.js`]))

/** Those that take longest, first of each project: started last, one would run alone while a core stands idle. */
const LONGEST = [
  'test/crash-exploration/crash-exploration.test.ts',
  'test/behaviour/worker-faults.test.ts',
  'test/crash/crash.test.ts',
  'test/model/model-pool.test.ts',
  'test/model/model-inline.test.ts',
  'test/level/official-suite.test.ts',
  'test/bench/bench.test.ts',
  'test/fault-exploration/fault-exploration.test.ts',
  'test/stress/stress.test.ts',
  'packages/workers/src/threads/pool-executor.test.ts',
  'packages/workers/src/threads/job-thread.test.ts',
  'packages/bench/src/child/run-job.test.ts',
  'packages/workers/src/run-job.test.ts',
]

/** Tests across packages, then unit tests, which share processes; in each the longest first, and the others by name. */
class LongestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = files.map((file) => {
      const rank = LONGEST.findIndex((path) => file.moduleId.endsWith(`/${path}`))
      return { file, project: file.project.name, rank: rank === -1 ? LONGEST.length : rank }
    })
    sorted.sort(
      (a, b) => a.project.localeCompare(b.project) || a.rank - b.rank || a.file.moduleId.localeCompare(b.file.moduleId),
    )
    return Promise.resolve(sorted.map(({ file }) => file))
  }
}

/** Far above what any takes, where nothing else is said: the machine may be slow, busy, or stand still for a while. */
const TIMEOUT_MS = 120_000

const shared = {
  pool: 'forks',
  testTimeout: TIMEOUT_MS,
  hookTimeout: TIMEOUT_MS,
  alias,
  // Node loads what is built; there is nothing to transform.
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
} as const

export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Modules hold no state that changes, and no test leaves its process changed: files share processes.
      { test: { ...shared, name: 'unit', include: ['packages/*/src/**/*.test.ts'], isolate: false } },
      { test: { ...shared, name: 'cross', include: ['test/**/*.test.ts'] } },
    ],
  },
})
