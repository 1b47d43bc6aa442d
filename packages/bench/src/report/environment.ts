/** What a report says of where it was made. */
import { execFile } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Environment {
  readonly date: string
  readonly node: string
  readonly v8: string
  readonly platform: string
  readonly cpu: string
  readonly cpuCount: number
  readonly memorySizeBytes: number
  /** The commit of the working tree, with `+` if it has changes; `unknown` outside of a repository. */
  readonly commit: string
}

export async function describeEnvironment(): Promise<Environment> {
  const processors = cpus()
  return {
    date: new Date().toISOString(),
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${process.platform} ${release()} ${process.arch}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cpuCount: processors.length,
    memorySizeBytes: totalmem(),
    commit: await describeCommit(),
  }
}

async function describeCommit(): Promise<string> {
  try {
    const commit = await git('rev-parse', '--short=12', 'HEAD')
    return (await git('status', '--porcelain', '--untracked-files=no')) === '' ? commit : `${commit}+`
  } catch (error) {
    // No git, or no repository: a report can be made without.
    return error instanceof Error ? 'unknown' : String(error)
  }
}

async function git(...args: string[]): Promise<string> {
  const cwd = dirname(fileURLToPath(import.meta.url))
  const { stdout } = await promisify(execFile)('git', args, { cwd })
  return stdout.trim()
}
