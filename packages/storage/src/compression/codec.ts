/**
 * The ways in which a block may be compressed, by name and by the number that its trailer has. Which of them this runtime
 * has is found out here alone.
 */
import * as zlib from 'node:zlib'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import { decodeLz4 } from './lz4-decoder.ts'
import { Lz4Encoder } from './lz4-encoder.ts'

/** By number. Numbers on disk never change. */
export const CODECS = ['none', 'lz4', 'deflate', 'zstd'] as const
export type Codec = (typeof CODECS)[number]
export const CODEC_NONE = 0

/** Fast, and on blocks of a few KiB nearly as small as higher levels make it. */
const DEFLATE_LEVEL = 1
const ZSTD_LEVEL = 1

type ZlibCall = (bytes: Uint8Array, options: object) => Uint8Array

/** What only some runtimes have: Node 22.15, 23.8 and later. */
interface ZstdCalls {
  readonly zstdCompressSync?: ZlibCall
  readonly zstdDecompressSync?: ZlibCall
}

const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as ZstdCalls
/** `ZSTD_c_compressionLevel` */
const ZSTD_LEVEL_PARAMETER = 100

export function isCodec(name: unknown): name is Codec {
  return CODECS.includes(name as Codec)
}

/** Whether this runtime can compress and decompress in this way. */
export function isCodecAvailable(codec: Codec): boolean {
  return codec !== 'zstd' || (zstdCompressSync !== undefined && zstdDecompressSync !== undefined)
}

/** @param what needs it: a file, or an option */
export function codecMissing(codec: Codec, what: string): UnsupportedError {
  return new UnsupportedError(
    `${what} needs the codec ${codec}, which this runtime (${process.version}) lacks: use Node 22.15, 23.8 or later`,
  )
}

/** @param codecs by level; the last one counts for the levels below it too, and none is the same as 'none' */
export function codecOfLevel(codecs: readonly Codec[], level: number): Codec {
  return codecs[level] ?? codecs.at(-1) ?? 'none'
}

/** Where compressed bytes go. It grows with what it is given; its owner uses it for one block after the other. */
export interface CodecOutput {
  bytes: Uint8Array
}

/** Compresses with one codec, on one thread. */
export class Compressor {
  readonly codec: Codec
  readonly #lz4: Lz4Encoder | undefined

  constructor(codec: Codec) {
    if (!isCodecAvailable(codec)) {
      throw codecMissing(codec, 'a new table')
    }
    this.codec = codec
    this.#lz4 = codec === 'lz4' ? new Lz4Encoder() : undefined
  }

  /** Puts the compressed bytes into `output` at `offset`; returns their size, or 0 if it would be above `sizeBytesMax`. */
  compress(
    bytes: Uint8Array,
    start: number,
    end: number,
    output: CodecOutput,
    offset: number,
    sizeBytesMax: number,
  ): number {
    if (output.bytes.length < offset + sizeBytesMax) {
      output.bytes = new Uint8Array((offset + sizeBytesMax) * 2)
    }
    if (this.#lz4 !== undefined) {
      const outputEnd = this.#lz4.encode(bytes, start, end, output.bytes, offset, offset + sizeBytesMax)
      return outputEnd < 0 ? 0 : outputEnd - offset
    }
    const compressed = compressByRuntime(this.codec, bytes.subarray(start, end))
    if (compressed.length > sizeBytesMax) {
      return 0
    }
    output.bytes.set(compressed, offset)
    return compressed.length
  }
}

function compressByRuntime(codec: Codec, bytes: Uint8Array): Uint8Array {
  const chunkSize = Math.max(64, bytes.length)
  if (codec === 'zstd' && zstdCompressSync !== undefined) {
    return zstdCompressSync(bytes, { chunkSize, params: { [ZSTD_LEVEL_PARAMETER]: ZSTD_LEVEL } })
  }
  return zlib.deflateRawSync(bytes, { chunkSize, level: DEFLATE_LEVEL })
}

/**
 * Decompresses `source` from `start` to `end` into `target` from `targetStart` to `targetEnd`, all of it.
 * @param path and `fileOffset` say where the bytes come from, for errors
 * @throws CorruptionError if they are not what this codec makes of just as many bytes
 */
export function decompress(
  codec: Codec,
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  targetEnd: number,
  path: string,
  fileOffset: number,
): void {
  if (codec === 'lz4') {
    if (!decodeLz4(source, start, end, target, targetStart, targetEnd)) {
      throw new CorruptionError(path, fileOffset, 'a block is no LZ4 block of the size that it says')
    }
    return
  }
  if (!isCodecAvailable(codec)) {
    throw codecMissing(codec, path)
  }
  const bytes = decompressByRuntime(codec, source.subarray(start, end), targetEnd - targetStart, path, fileOffset)
  if (bytes.length !== targetEnd - targetStart) {
    throw new CorruptionError(path, fileOffset, `a block of codec ${codec} has not the size that it says`)
  }
  target.set(bytes, targetStart)
}

function decompressByRuntime(
  codec: Codec,
  bytes: Uint8Array,
  sizeBytes: number,
  path: string,
  fileOffset: number,
): Uint8Array {
  // One byte more than wanted: a chunk that is just filled lets the runtime ask for another.
  const options = { maxOutputLength: Math.max(1, sizeBytes), chunkSize: Math.max(64, sizeBytes + 1) }
  try {
    return codec === 'zstd' && zstdDecompressSync !== undefined
      ? zstdDecompressSync(bytes, options)
      : zlib.inflateRawSync(bytes, options)
  } catch (cause) {
    throw new CorruptionError(path, fileOffset, `a block cannot be decompressed by codec ${codec}`, { cause })
  }
}
