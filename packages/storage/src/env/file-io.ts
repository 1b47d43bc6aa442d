/** Whole reads and writes, made of the short ones that a system may return. */
import type { File, FileSystem } from './env.ts'
import { CorruptionError, IoError } from '../errors.ts'

export function writeFullySync(file: File, from: Uint8Array, offset: number, length: number, position: number): void {
  let done = 0
  while (done < length) {
    done += progress(file, file.writeSync(from, offset + done, length - done, position + done))
  }
}

export async function writeFully(
  file: File,
  from: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<void> {
  let done = 0
  while (done < length) {
    done += progress(file, await file.write(from, offset + done, length - done, position + done))
  }
}

/** Reads `length` bytes, or throws `CorruptionError` if the file ends before. */
export function readFullySync(file: File, into: Uint8Array, offset: number, length: number, position: number): void {
  let done = 0
  while (done < length) {
    const count = file.readSync(into, offset + done, length - done, position + done)
    if (count === 0) {
      throw endsEarly(file, position + done, length - done)
    }
    done += count
  }
}

export async function readFully(
  file: File,
  into: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<void> {
  // Nearly always one read is all: no promise beside its own.
  let done = await file.read(into, offset, length, position)
  if (done === 0 && length > 0) {
    throw endsEarly(file, position, length)
  }
  while (done < length) {
    const count = await file.read(into, offset + done, length - done, position + done)
    if (count === 0) {
      throw endsEarly(file, position + done, length - done)
    }
    done += count
  }
}

/** The whole of a file that is known to be small; `CorruptionError` if it is larger than `sizeBytesMax`. */
export async function readSmallFile(files: FileSystem, path: string, sizeBytesMax: number): Promise<Uint8Array> {
  const file = await files.open(path, 'read')
  try {
    const size = file.sizeSync()
    if (size > sizeBytesMax) {
      throw new CorruptionError(path, 0, `it has ${size} bytes where at most ${sizeBytesMax} are possible`)
    }
    const bytes = new Uint8Array(size)
    await readFully(file, bytes, 0, size, 0)
    return bytes
  } finally {
    await file.close()
  }
}

function progress(file: File, count: number): number {
  if (count <= 0) {
    throw new IoError('writing', file.path, new Error('the system wrote nothing'))
  }
  return count
}

function endsEarly(file: File, position: number, missing: number): CorruptionError {
  return new CorruptionError(file.path, position, `the file ends ${missing} bytes early`)
}
