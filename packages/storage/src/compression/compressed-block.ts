/**
 * A block as it is stored when it is compressed. The trailer behind it names the codec.
 *
 *     compressed := rawSize:varint storedSize:varint bytes[storedSize]
 *
 * `rawSize` is the size of the block when it is decompressed. `storedSize` says the same as the block's handle does:
 * where the indexes are lost, the block can be found by it. Both are checked before memory is taken. A block is stored
 * compressed if that spares an eighth of it, else as it is, under codec 0. So is one above 8 MiB, which holds a large
 * value: whoever reads it would hold up all others for too long.
 */
import { getVarint, putVarint, varintSizeBytes } from '../coding.ts'
import { CorruptionError } from '../errors.ts'
import { type Codec, type CodecOutput, Compressor, decompress } from './codec.ts'

/** No block that is compressed is larger than this when it is not. */
export const RAW_SIZE_BYTES_MAX: number = 8 * 1024 * 1024
/**
 * Nor more than so many times as large as the compressed bytes: otherwise a small file could keep a reader busy for ever.
 * The format of deflate allows no more than 1032, that of LZ4 no more than 255.
 */
export const RATIO_MAX = 1100
/** Two varints, each of at most five bytes. */
const HEAD_SIZE_BYTES_MAX = 10
const WORTHWHILE_SHIFT = 3

/** Compresses blocks, one after the other, where they stand. */
export class BlockCompressor {
  readonly #compressor: Compressor
  /** For what another codec would make too small to be believed. */
  #fallback: Compressor | undefined
  readonly #output: CodecOutput = { bytes: new Uint8Array(0) }
  #codec: Codec

  constructor(codec: Codec) {
    this.#compressor = new Compressor(codec)
    this.#codec = codec
  }

  /** Of the block compressed last. */
  get codec(): Codec {
    return this.#codec
  }

  /**
   * Replaces the block that stands in `bytes` from `start` to `end` by its compressed form, from `start` on; returns where
   * that ends. If that is not worth it, the block stays, and the result is `end`.
   */
  compress(bytes: Uint8Array, start: number, end: number): number {
    const rawSize = end - start
    const sizeBytesMax = rawSize - (rawSize >>> WORTHWHILE_SHIFT) - HEAD_SIZE_BYTES_MAX
    this.#codec = 'none'
    if (rawSize > RAW_SIZE_BYTES_MAX || sizeBytesMax <= 0) {
      return end
    }
    let compressor = this.#compressor
    let size = compressor.compress(bytes, start, end, this.#output, 0, sizeBytesMax)
    if (size > 0 && size * RATIO_MAX < rawSize) {
      this.#fallback ??= new Compressor('lz4')
      compressor = this.#fallback
      size = compressor.compress(bytes, start, end, this.#output, 0, sizeBytesMax)
    }
    if (size === 0) {
      return end
    }
    this.#codec = compressor.codec
    const at = putVarint(bytes, putVarint(bytes, start, rawSize), size)
    bytes.set(this.#output.bytes.subarray(0, size), at)
    return at + size
  }
}

/** How large the compressed block in `bytes` from `start` to `end` is when it is not: checked, so that it may be made. */
export function rawSizeOf(bytes: Uint8Array, start: number, end: number, path: string, offset: number): number {
  const rawSize = getVarint(bytes, start, end)
  const storedSize = rawSize < 0 ? -1 : getVarint(bytes, start + varintSizeBytes(rawSize), end)
  if (storedSize < 0 || headSizeBytes(rawSize, storedSize) + storedSize !== end - start) {
    throw new CorruptionError(path, offset, 'a compressed block has not the size that it says')
  }
  if (rawSize > RAW_SIZE_BYTES_MAX || rawSize > storedSize * RATIO_MAX) {
    throw new CorruptionError(path, offset, `a compressed block cannot have ${rawSize} bytes`)
  }
  return rawSize
}

/** What `rawSizeOf` has checked, decompressed into `target` from `targetStart` on. */
export function decompressBlock(
  codec: Codec,
  bytes: Uint8Array,
  start: number,
  end: number,
  rawSize: number,
  target: Uint8Array,
  targetStart: number,
  path: string,
  offset: number,
): void {
  const at = start + varintSizeBytes(rawSize)
  const dataStart = at + varintSizeBytes(getVarint(bytes, at, end))
  decompress(codec, bytes, dataStart, end, target, targetStart, targetStart + rawSize, path, offset)
}

/**
 * The size of the compressed block that may begin in `bytes` at `start`, as it says itself; 0 if none can. Nothing else
 * is checked.
 */
export function storedSizeOf(bytes: Uint8Array, start: number, end: number): number {
  const rawSize = getVarint(bytes, start, end)
  const storedSize = rawSize < 0 ? -1 : getVarint(bytes, start + varintSizeBytes(rawSize), end)
  const isPossible = storedSize > 0 && rawSize > storedSize && rawSize <= RAW_SIZE_BYTES_MAX
  return isPossible ? headSizeBytes(rawSize, storedSize) + storedSize : 0
}

function headSizeBytes(rawSize: number, storedSize: number): number {
  return varintSizeBytes(rawSize) + varintSizeBytes(storedSize)
}
