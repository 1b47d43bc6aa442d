/**
 * CURRENT names the manifest in force. Its one line is the manifest's name and the checksum of that name in hexadecimal:
 *
 *     MANIFEST-000007 5d2a9c11\n
 *
 * It is replaced as a whole: a temporary file is written and made durable, renamed over it, and the directory synced.
 */
import { join } from 'node:path'
import { checksum } from '../checksum.ts'
import { readSmallFile, writeFully } from '../env/file-io.ts'
import type { FileSystem } from '../env/env.ts'
import { CorruptionError } from '../errors.ts'
import {
  CURRENT_FILE_NAME,
  CURRENT_TEMPORARY_FILE_NAME,
  manifestFileName,
  parseFileName,
  type FileNumber,
} from '../file-names.ts'

const CURRENT_SIZE_BYTES_MAX = 64

/** @throws CorruptionError, IoError */
export async function readCurrent(files: FileSystem, directory: string): Promise<FileNumber> {
  const path = join(directory, CURRENT_FILE_NAME)
  const text = Buffer.from(await readSmallFile(files, path, CURRENT_SIZE_BYTES_MAX)).toString('latin1')
  const parsed = parseFileName(text.split(' ', 1)[0] ?? '')
  if (parsed?.kind !== 'manifest' || text !== currentText(parsed.number)) {
    throw new CorruptionError(path, 0, 'it does not name a manifest')
  }
  return parsed.number
}

/** Durable when it resolves. The manifest itself must be durable before, its directory entry included. */
export async function replaceCurrent(files: FileSystem, directory: string, number: FileNumber): Promise<void> {
  await prepareCurrent(files, directory, number)
  await installCurrent(files, directory)
}

/** Writes what is to be CURRENT beside it, durable but for its directory entry. The manifest may still be in the making. */
export async function prepareCurrent(files: FileSystem, directory: string, number: FileNumber): Promise<void> {
  const temporaryPath = join(directory, CURRENT_TEMPORARY_FILE_NAME)
  if ((await files.kindOf(temporaryPath)) !== 'missing') {
    await files.remove(temporaryPath)
  }
  const bytes = Buffer.from(currentText(number), 'latin1')
  const file = await files.open(temporaryPath, 'create')
  try {
    await writeFully(file, bytes, 0, bytes.length, 0)
    await file.dataSync()
  } finally {
    await file.close()
  }
}

/** Puts what was prepared into force. Durable when it resolves; all that the manifest names must be so before. */
export async function installCurrent(files: FileSystem, directory: string): Promise<void> {
  await files.rename(join(directory, CURRENT_TEMPORARY_FILE_NAME), join(directory, CURRENT_FILE_NAME))
  await files.syncDirectory(directory)
}

function currentText(number: FileNumber): string {
  const name = manifestFileName(number)
  return `${name} ${checksum(Buffer.from(name, 'latin1'), 0).toString(16).padStart(8, '0')}\n`
}
