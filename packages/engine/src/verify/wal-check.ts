/**
 * Compares the live logs with the arenas that they are the images of, byte for byte, as far as they are committed. That
 * is more than their checksums say, and takes one buffer. A memtable that has left meanwhile has no log any more.
 */
import { WAL_HEADER_SIZE_BYTES, CorruptionError, putWalHeader, type FileSystem } from '@varve/storage'
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import type { Wal } from '../wal/wal.ts'
import type { Findings } from './findings.ts'

const SLICE_SIZE_BYTES = 256 * 1024

export async function checkWals(
  files: FileSystem,
  memtables: MemtableQueue,
  findings: Findings,
  throwIfEnded: () => void,
): Promise<void> {
  const check = async (wal: Wal, image: Uint8Array, isLive: () => boolean): Promise<void> => {
    if (wal.isReady && isLive()) {
      await findings.collect(wal.path, () => checkWal(files, wal.path, image, isLive, throwIfEnded))
    }
  }
  for (const memtable of [...memtables.frozen, memtables.active]) {
    const image = memtable.arena.bytes.subarray(0, memtable.committedOffset)
    await check(memtable.wal, image, () => memtable === memtables.active || memtables.frozen.includes(memtable))
  }
  const { nextWal } = memtables
  if (nextWal !== undefined) {
    const header = new Uint8Array(WAL_HEADER_SIZE_BYTES)
    putWalHeader(header, nextWal.header)
    await check(nextWal, header, () => nextWal === memtables.nextWal || nextWal === memtables.active.wal)
  }
}

async function checkWal(
  files: FileSystem,
  path: string,
  image: Uint8Array,
  isLive: () => boolean,
  throwIfEnded: () => void,
): Promise<void> {
  try {
    const file = await files.open(path, 'read')
    try {
      const slice = new Uint8Array(Math.min(SLICE_SIZE_BYTES, image.length))
      for (let offset = 0; offset < image.length;) {
        throwIfEnded()
        const count = await file.read(slice, 0, Math.min(slice.length, image.length - offset), offset)
        if (!isLive()) {
          return
        }
        compare(path, slice, count, image, offset)
        offset += count
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isLive()) {
      throw error
    }
  }
}

function compare(path: string, slice: Uint8Array, count: number, image: Uint8Array, offset: number): void {
  if (count === 0) {
    throw new CorruptionError(path, offset, `it ends here, and ${image.length} bytes of it are committed`)
  }
  if (Buffer.compare(slice.subarray(0, count), image.subarray(offset, offset + count)) !== 0) {
    let at = 0
    while (slice[at] === image[offset + at]) {
      at++
    }
    throw new CorruptionError(path, offset + at, 'a byte is not what was written')
  }
}
