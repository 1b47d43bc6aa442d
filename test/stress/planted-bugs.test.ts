/**
 * Shows that the stress test finds bugs: plants each of a list into a copy of the built packages, and expects a run on that
 * copy to fail. Takes minutes: `VARVE_PLANTED=1 npx vitest run test/stress/planted-bugs`.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { PatchedBuild } from '../crash-exploration/patched-build.ts'
import type { PlantedBug } from '../crash-exploration/planted-bugs.ts'
import { makeScratchDirectory } from '../harness/scratch-directory.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

const PROGRAM = fileURLToPath(new URL('../harness/dist/programs/stress.js', import.meta.url))
const SECONDS = 90
const TIMEOUT_MS = 300_000

async function stressIn(directory: string): Promise<{ code: number | null; output: string }> {
  const data = path.join(directory, 'data')
  const parameters = ['--seed', '1', '--seconds', String(SECONDS), '--directory', data]
  const child = spawn(process.execPath, [PROGRAM, ...parameters], { env: { ...process.env, VARVE_BUILD: directory } })
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
  const { code, output } = await new PatchedBuild(directory).with(bug, () => stressIn(directory))
  const found = /FOUND: ([^\n]*)/.exec(output)?.[1]
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
