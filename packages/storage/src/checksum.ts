/**
 * CRC-32 as Node's zlib computes it (native, about 5 GB/s), seeded with where the bytes belong: the same bytes at
 * another offset or in another file do not pass, so swapped blocks and files are found.
 */
import { crc32 } from 'node:zlib'

/** A seed that differs for any two offsets of a file below 4 GiB, and for the same offset of any two files. */
export function checksumSeed(fileNumber: number, offset: number): number {
  return (
    (Math.imul(fileNumber | 0, 0x9e3779b1) + Math.imul(Math.floor(fileNumber / 2 ** 32), 0x85ebca6b) + offset) >>> 0
  )
}

/** The checksum of `bytes`, an unsigned 32-bit number. */
export function checksum(bytes: Uint8Array, seed: number): number {
  return crc32(bytes, seed)
}
