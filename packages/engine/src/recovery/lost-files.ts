/**
 * Sets files of a store aside in lost/, durably, under names that nothing there has yet. What is in lost/ is never read
 * again. A link in the place of lost/ is not followed.
 */
import { join } from 'node:path'
import { CorruptionError, LOST_DIRECTORY_NAME, type FileSystem } from '@varve/storage'

export interface LostFile {
  readonly name: string
  /** Its name in lost/. */
  readonly lostName: string
}

/** In the order of `names`. @throws CorruptionError if lost/ is something else, IoError */
export async function setAside(files: FileSystem, directory: string, names: readonly string[]): Promise<LostFile[]> {
  if (names.length === 0) {
    return []
  }
  const lostDirectory = join(directory, LOST_DIRECTORY_NAME)
  if ((await files.kindOf(lostDirectory)) === 'missing') {
    await files.makeDirectory(lostDirectory)
  }
  // Whoever made it, maybe just before a crash: were its own name lost, what is moved into it would be lost with it.
  await files.syncDirectory(directory)
  const taken = new Set(await lostNames(files, directory))
  const lost: LostFile[] = []
  for (const name of names) {
    let lostName = name
    for (let i = 1; taken.has(lostName); i++) {
      lostName = `${name}.${i}`
    }
    taken.add(lostName)
    await files.rename(join(directory, name), join(lostDirectory, lostName))
    lost.push({ name, lostName })
  }
  await files.syncDirectory(lostDirectory)
  await files.syncDirectory(directory)
  return lost
}

/** The names of what was set aside before. */
export async function lostNames(files: FileSystem, directory: string): Promise<string[]> {
  const lostDirectory = join(directory, LOST_DIRECTORY_NAME)
  const kind = await files.kindOf(lostDirectory)
  if (kind === 'missing') {
    return []
  }
  if (kind !== 'directory') {
    throw new CorruptionError(lostDirectory, 0, 'it is no directory: move it away')
  }
  return await files.list(lostDirectory)
}
