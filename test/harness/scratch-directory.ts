/** Directories that tests work in: fresh, below the system's temporary directory, gone when the test ends. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'

const MEMORY_DIRECTORY = '/dev/shm'
const MEMORY_SIZE_BYTES_MIN = 256 * 1024 * 1024

export type Hook = (work: () => void) => void

/**
 * A new empty directory. `VARVE_KEEP=1` leaves it behind to be looked at.
 * @param whenFinished that of the test's own context, for tests that run concurrently
 */
export function makeScratchDirectory(name: string, whenFinished: Hook = onTestFinished): string {
  return makeDirectory(os.tmpdir(), name, whenFinished)
}

function makeDirectory(parent: string, name: string, whenFinished: Hook): string {
  const directory = fs.mkdtempSync(path.join(parent, `varve-test-${name}-`))
  whenFinished(() => {
    if (process.env['VARVE_KEEP'] === undefined) {
      fs.rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    }
  })
  return directory
}

/**
 * As `makeScratchDirectory`, but in memory where the machine has room for that: for tests that write a lot and of which
 * none looks at what a disk does.
 */
export function makeMemoryDirectory(name: string, whenFinished: Hook = onTestFinished): string {
  return makeDirectory(hasRoom(MEMORY_DIRECTORY) ? MEMORY_DIRECTORY : os.tmpdir(), name, whenFinished)
}

/** A path at which nothing stands yet, in a directory that does. */
export function scratchStorePath(name: string): string {
  return path.join(makeScratchDirectory(name), 'store')
}

/**
 * Every file below `directory` as relative path and bytes, to tell whether anything was touched.
 * @param without what stands there that is not looked at: an open store, whose files come and go
 */
export function fingerprint(directory: string, without?: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const full = path.join(entry.parentPath, entry.name)
    if (without !== undefined && `${full}${path.sep}`.startsWith(path.join(directory, without, path.sep))) {
      continue
    }
    const stat = fs.lstatSync(full)
    const content = stat.isFile()
      ? fs.readFileSync(full).toString('base64')
      : entry.isDirectory()
        ? 'directory'
        : 'other'
    files.set(path.relative(directory, full), `${stat.mtimeMs} ${content}`)
  }
  return files
}

function hasRoom(directory: string): boolean {
  try {
    const { bavail, bsize } = fs.statfsSync(directory)
    return bavail * bsize >= MEMORY_SIZE_BYTES_MIN
  } catch {
    return false
  }
}
