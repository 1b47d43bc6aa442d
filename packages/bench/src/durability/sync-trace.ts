/**
 * Counts, in what strace writes, the system calls that make bytes durable. Two marks, looks at a path that does not exist,
 * stand around the writes that are meant, so that opening and closing a store do not count.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'

/** Never made: looking whether it is there is a system call that can be found again. */
const MARK_PATH = '/varve-bench-mark'

const SYNC_CALLS = ['fsync', 'fdatasync', 'msync', 'sync_file_range', 'syncfs', 'sync'] as const
const WRITE_CALLS = ['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'] as const
const MARK_CALLS = ['access', 'faccessat', 'faccessat2', 'stat', 'statx', 'newfstatat'] as const
/** Not every system knows all of them. */
const optional = (calls: readonly string[]): string[] => calls.map((name) => `?${name}`)

/** The command that runs another one and writes its trace to a file. */
export function straceCommand(traceFile: string): string[] {
  const calls = ['openat', 'close', ...optional([...SYNC_CALLS, ...WRITE_CALLS, ...MARK_CALLS])]
  return ['strace', '-f', '-qq', '-s', '64', '-o', traceFile, '-e', `trace=${calls.join(',')}`]
}

export async function hasStrace(): Promise<boolean> {
  try {
    await promisify(execFile)('strace', ['-qq', '-e', 'trace=close', '-o', '/dev/null', 'true'])
    return true
  } catch (error) {
    // Not installed, or tracing is not allowed here.
    return !(error instanceof Error)
  }
}

export function mark(): void {
  existsSync(MARK_PATH)
}

export interface SyncCounts {
  /** Calls of fsync and its like. */
  readonly syncCount: number
  /** Writes to files that were opened so that each write is durable. */
  readonly syncedWriteCount: number
}

/** @throws Error when the marks are not both there */
export function countSyncs(trace: string): SyncCounts {
  const syncedFiles = new Set<string>()
  const openingSynced = new Set<string>()
  let markCount = 0
  let syncCount = 0
  let syncedWriteCount = 0
  for (const line of trace.split('\n')) {
    const [, thread, rest] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    if (thread === undefined || rest === undefined) {
      continue
    }
    const result = /= (-?\d+)(?: |$)/.exec(rest)?.[1]
    if (/^(<\.\.\. )?openat/.test(rest)) {
      const isSynced = /O_D?SYNC/.test(rest) || openingSynced.delete(thread)
      if (isSynced && result === undefined) {
        openingSynced.add(thread)
      } else if (isSynced && Number(result) >= 0) {
        syncedFiles.add(String(result))
      }
      continue
    }
    const [, call, firstArgument] = /^(\w+)\(([^,)\s]*)/.exec(rest) ?? []
    if (call === undefined) {
      continue
    }
    if (rest.includes(MARK_PATH)) {
      markCount++
    } else if (call === 'close') {
      syncedFiles.delete(firstArgument ?? '')
    } else if (markCount === 1 && (SYNC_CALLS as readonly string[]).includes(call)) {
      syncCount++
    } else if (
      markCount === 1 &&
      (WRITE_CALLS as readonly string[]).includes(call) &&
      syncedFiles.has(firstArgument ?? '')
    ) {
      syncedWriteCount++
    }
  }
  if (markCount !== 2) {
    throw new Error(`a trace has ${markCount} marks instead of 2`)
  }
  return { syncCount, syncedWriteCount }
}
