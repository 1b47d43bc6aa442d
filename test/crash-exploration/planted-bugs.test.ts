/**
 * Shows that the crash exploration finds bugs: plants each of a list into a copy of the built packages, and expects the
 * exploration of that copy to fail. Takes minutes: `VARVE_PLANTED=1 npx vitest run test/crash-exploration/planted-bugs`.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeScratchDirectory } from '../harness/scratch-directory.ts'
import { PatchedBuild } from './patched-build.ts'
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
/** Each bug is found within so many states, from the same first history on. */
const STATE_COUNT = 12_000
const TIMEOUT_MS = 600_000

interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** Runs the crash exploration in a process of its own, on the copies. */
async function exploreIn(directory: string): Promise<Outcome> {
  const environment = {
    ...process.env,
    VARVE_BUILD: directory,
    VARVE_SEED: '1',
    VARVE_CRASH_STATES: String(STATE_COUNT),
    NO_COLOR: '1',
  }
  const path = 'test/crash-exploration/crash-exploration.test.ts'
  const child = spawn(process.execPath, [VITEST, 'run', '--project', 'cross', path], { cwd: ROOT, env: environment })
  const output: string[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output: output.join('') }))
  })
}

test('what each planted bug replaces is there, once', async () => {
  const build = new PatchedBuild(makeScratchDirectory('planted'))
  for (const bug of PLANTED_BUGS) {
    await build.with(bug, () => Promise.resolve())
  }
  expect(new Set(PLANTED_BUGS.map(({ name }) => name)).size).toBe(PLANTED_BUGS.length)
})

/** How the exploration fails when it has found something in a store, and not for another reason. */
const FOUND = /(?:R\d|leak|no fault|MisuseError|HangError|AssertionError)[^\n]*/

async function expectPass(): Promise<void> {
  const directory = makeScratchDirectory('planted')
  new PatchedBuild(directory)
  const { code, output } = await exploreIn(directory)
  expect(code, output).toBe(0)
}

async function expectFound(bug: PlantedBug): Promise<void> {
  const directory = makeScratchDirectory('planted')
  const { code, output } = await new PatchedBuild(directory).with(bug, () => exploreIn(directory))
  const found = FOUND.exec(output)?.[0]
  process.stdout.write(`${bug.name}: ${found ?? `nothing, exit code ${code}`}\n`)
  expect(code, output).not.toBe(0)
  expect(found, output).toBeDefined()
  expect(output).toContain('replay: VARVE_SEED=')
}

if (process.env['VARVE_PLANTED'] === '1') {
  test('a copy without a bug passes', expectPass, TIMEOUT_MS)
  for (const bug of PLANTED_BUGS) {
    test(`found: ${bug.name}`, () => expectFound(bug), TIMEOUT_MS)
  }
}
