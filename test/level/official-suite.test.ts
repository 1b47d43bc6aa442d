/**
 * The suite of abstract-level, all of it, as a process: with encodings restricted to each of the three formats, so that every
 * test goes through it. What was run is counted, so that nothing run is a failure. With `VARVE_LONG=1` also with the three
 * formats as users have them, which goes through none that the others leave out.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'

const SCRIPT = fileURLToPath(new URL('children/official-suite.mjs', import.meta.url))
/** What a process has besides its databases: two job threads with their descriptors, and the thread pool of Node. */
const OTHER_DESCRIPTOR_COUNT_MAX = 60
const OTHER_THREAD_COUNT_MAX = 8

interface Counts {
  readonly testCount: number
  readonly assertionCount: number
  readonly databaseCount: number
  readonly unclosedCount: number
  readonly failures: readonly string[]
  readonly skipped: readonly string[]
  readonly threadCount: number
  readonly descriptorCount: number
}

async function runSuite(directory: string, formats: readonly string[]): Promise<Counts & { exitCode: number | null }> {
  const child = spawn(process.execPath, [SCRIPT, 'varve', directory, ...formats], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { ...(JSON.parse(out.trim().split('\n').at(-1) ?? '') as Counts), exitCode }
}

const ALL_FORMATS = { name: 'all formats', formats: [], testCount: 1509, assertionCount: 5168, databaseCount: 1005 }

// The counts are those of abstract-level 3.1.1; classic-level 3.0.0 comes to the same with all formats.
test.each([
  ...(process.env['VARVE_LONG'] === '1' ? [ALL_FORMATS] : []),
  { name: 'buffer alone', formats: ['buffer'], testCount: 1509, assertionCount: 5168, databaseCount: 1005 },
  { name: 'utf8 alone', formats: ['utf8'], testCount: 1421, assertionCount: 4510, databaseCount: 911 },
  { name: 'view alone', formats: ['view'], testCount: 1509, assertionCount: 5168, databaseCount: 1005 },
])(
  'the official suite: $name',
  async ({ formats, ...expected }) => {
    const counts = await runSuite(makeMemoryDirectory('suite'), formats)
    expect(counts).toMatchObject({ failures: [], skipped: [], exitCode: 0 })
    const { testCount, assertionCount, databaseCount, unclosedCount, descriptorCount, threadCount } = counts
    expect({ testCount, assertionCount, databaseCount }).toMatchObject({
      testCount: expected.testCount,
      assertionCount: expected.assertionCount,
      databaseCount: expected.databaseCount,
    })
    // It leaves about half of its databases open: an idle one has three files, and no thread.
    expect(unclosedCount).toBeGreaterThan(400)
    expect(descriptorCount).toBeLessThanOrEqual(3 * unclosedCount + OTHER_DESCRIPTOR_COUNT_MAX)
    expect(threadCount).toBeLessThanOrEqual(OTHER_THREAD_COUNT_MAX)
  },
  180_000,
)
