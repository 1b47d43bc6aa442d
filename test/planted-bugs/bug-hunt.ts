/**
 * Shows that tests find bugs: plants each of a list into a copy of the built packages, and expects a run on that copy to
 * fail; a copy without a bug must pass. Takes minutes, and so runs only where `VARVE_PLANTED` is 1, or
 * a pattern of the names of bugs. What is always tested is that the texts which the bugs replace are in the build.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeScratchDirectory } from '../harness/scratch-directory.ts'
import { PatchedBuild, checkPlantable } from './patched-build.ts'
import type { PlantedBug } from './planted-bug.ts'

export interface BugHunt {
  readonly bugs: readonly PlantedBug[]
  /** How a run on the copies in `directory` is started: the parameters of Node, and variables of the environment. */
  command(directory: string): Command
  /** In the output of a run that has found the bug, and not failed for another reason. */
  readonly found: RegExp
  readonly timeoutMs: number
}

export interface Command {
  readonly parameters: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

interface Outcome {
  readonly code: number | null
  readonly output: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

/** The command that runs tests whose path contains one of `paths`, up to the first that fails. */
export function vitestOn(paths: readonly string[], environment: Readonly<Record<string, string>> = {}): Command {
  return { parameters: [VITEST, 'run', '--project', 'cross', '--bail', '1', ...paths], environment }
}

export function testHunt(hunt: BugHunt): void {
  test('what each planted bug replaces is there, once', () => {
    hunt.bugs.forEach((bug) => checkPlantable(bug))
    expect(new Set(hunt.bugs.map(({ name }) => name)).size).toBe(hunt.bugs.length)
  })
  const asked = process.env['VARVE_PLANTED'] ?? ''
  if (asked !== '') {
    test('a copy without a bug passes', () => expectPass(hunt), hunt.timeoutMs)
    const pattern = new RegExp(asked === '1' ? '' : asked)
    test.each(hunt.bugs.filter(({ name }) => pattern.test(name)))(
      'found: $name',
      (bug) => expectFound(hunt, bug),
      hunt.timeoutMs,
    )
  }
}

async function expectPass(hunt: BugHunt): Promise<void> {
  const directory = makeScratchDirectory('planted')
  // It makes the copies.
  expect(new PatchedBuild(directory)).toBeDefined()
  const { code, output } = await runIn(directory, hunt)
  expect(code, output).toBe(0)
}

async function expectFound(hunt: BugHunt, bug: PlantedBug): Promise<void> {
  const directory = makeScratchDirectory('planted')
  const { code, output } = await new PatchedBuild(directory).with(bug, () => runIn(directory, hunt))
  const found = hunt.found.exec(output)?.[0]
  process.stdout.write(`${bug.name}: ${found ?? `nothing, exit code ${code}`}\n`)
  expect(code, output).not.toBe(0)
  expect(found, output).toBeDefined()
}

/** In a process of its own, on the copies. */
async function runIn(directory: string, hunt: BugHunt): Promise<Outcome> {
  const { parameters, environment } = hunt.command(directory)
  const child = spawn(process.execPath, parameters, {
    cwd: ROOT,
    env: { ...process.env, ...environment, VARVE_BUILD: directory, VARVE_PLANTED: '', NO_COLOR: '1' },
  })
  const output: string[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output: output.join('') }))
  })
}
