/** Another commit of this repository, installed and built in a directory of its own. Nothing of the repository changes. */
import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { UsageError } from '../command-line.ts'

const run = promisify(execFile)
const ownDirectory = dirname(fileURLToPath(import.meta.url))
const OUTPUT_SIZE_BYTES_MAX = 16 * 1024 * 1024

export interface BaseBuild {
  readonly commit: string
  /** The file to import as `varve`. */
  readonly enginePath: string
}

/** @throws UsageError when there is no such commit; Error when it cannot be built */
export async function buildBase(revision: string, directory: string, note: (text: string) => void): Promise<BaseBuild> {
  const commit = await resolveCommit(revision)
  note(`building ${commit.slice(0, 12)} to compare with`)
  await mkdir(directory, { recursive: true })
  const archive = `${directory}.tar`
  const root = (await git('rev-parse', '--show-toplevel')).trim()
  await run('git', ['archive', '--format=tar', '-o', archive, commit], { cwd: root })
  await run('tar', ['-xf', archive, '-C', directory])
  const pnpm = /pnpm@[\d.]+/.exec(await readFile(join(directory, 'scripts', 'prepare.mjs'), 'utf8'))?.[0]
  if (pnpm === undefined) {
    throw new Error(`the commit ${commit} does not say which pnpm installs it`)
  }
  await inBase(directory, 'npx', '-y', pnpm, 'install', '--frozen-lockfile', '--prefer-offline')
  await inBase(directory, 'npm', 'run', 'build')
  return { commit, enginePath: await findEngine(join(directory, 'packages', 'engine')) }
}

/** The file that the commit's manifest names. */
async function findEngine(directory: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as {
    readonly exports: { readonly '.': { readonly import: string } }
  }
  return join(directory, manifest.exports['.'].import)
}

async function inBase(directory: string, file: string, ...args: string[]): Promise<void> {
  try {
    await run(file, args, { cwd: directory, maxBuffer: OUTPUT_SIZE_BYTES_MAX })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${file} ${args.join(' ')} failed in the base commit:\n${stdout}${stderr}`, { cause: error })
  }
}

async function resolveCommit(revision: string): Promise<string> {
  try {
    return (await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`)).trim()
  } catch (error) {
    throw new UsageError(`--compare: there is no commit '${revision}' in this repository`, { cause: error })
  }
}

async function git(...args: string[]): Promise<string> {
  return (await run('git', args, { cwd: ownDirectory })).stdout
}
