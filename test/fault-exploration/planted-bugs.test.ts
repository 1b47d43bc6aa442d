/**
 * Shows that the fault exploration finds bugs: plants each of a list into a copy of the built packages, and expects the
 * exploration of that copy to fail. Takes minutes: `VARVE_PLANTED=1 npx vitest run test/fault-exploration/planted-bugs`.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { PatchedBuild } from '../crash-exploration/patched-build.ts'
import type { PlantedBug } from '../crash-exploration/planted-bugs.ts'
import { makeScratchDirectory } from '../harness/scratch-directory.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const RUN_COUNT = 600
const TIMEOUT_MS = 900_000

async function exploreIn(directory: string): Promise<{ code: number | null; output: string }> {
  const environment = {
    ...process.env,
    VARVE_BUILD: directory,
    VARVE_SEED: '1',
    VARVE_FAULT_RUNS: String(RUN_COUNT),
    NO_COLOR: '1',
  }
  const path = 'test/fault-exploration/fault-exploration.test.ts'
  const child = spawn(process.execPath, [VITEST, 'run', '--project', 'cross', path], { cwd: ROOT, env: environment })
  const output: string[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output: output.join('') }))
  })
}

async function expectFound(bug: PlantedBug): Promise<void> {
  const directory = makeScratchDirectory('planted')
  const { code, output } = await new PatchedBuild(directory).with(bug, () => exploreIn(directory))
  const found = /replay: (VARVE_FAULT=\S+)/.exec(output)?.[1]
  process.stdout.write(`${bug.name}: ${found ?? `nothing, exit code ${code}`}\n`)
  expect(found, output).toBeDefined()
}

test('what each planted bug replaces is there, once', async () => {
  const build = new PatchedBuild(makeScratchDirectory('planted'))
  for (const bug of PLANTED_BUGS) {
    await build.with(bug, () => Promise.resolve())
  }
  expect(new Set(PLANTED_BUGS.map(({ name }) => name)).size).toBe(PLANTED_BUGS.length)
})

if (process.env['VARVE_PLANTED'] === '1') {
  test.each(PLANTED_BUGS)('found: $name', expectFound, TIMEOUT_MS)
}
