/** What this process has written, and what a directory takes on the disk. */
import { readFileSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const BLOCK_SIZE_BYTES = 512

/** Bytes handed to the system by write calls of all threads so far; `undefined` where the system does not tell. */
export function writtenSizeBytes(): number | undefined {
  if (process.platform !== 'linux') {
    return undefined
  }
  const match = /^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))
  return match === null ? undefined : Number(match[1])
}

/** Blocks that are really allotted: some stores make sparse files or files ahead of their use. */
export async function diskSizeBytes(directory: string): Promise<number> {
  let sizeBytes = 0
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const { blocks, size } = await stat(join(entry.parentPath, entry.name))
      sizeBytes += process.platform === 'win32' ? size : blocks * BLOCK_SIZE_BYTES
    }
  }
  return sizeBytes
}
