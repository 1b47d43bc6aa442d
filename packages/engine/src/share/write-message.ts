/**
 * Writes of one turn of a remote's event loop: one ArrayBuffer of its own, which is transferred. Little-endian.
 *
 *     message  := count:f64 segment{count} operations
 *     segment  := id:f64 sync:f64 operationCount:f64 sizeBytes:f64 userSizeBytes:f64
 *
 * The operations of all segments follow each other, in the form of a WAL group's payload. A segment is written as one,
 * and acknowledged by its id.
 *
 * Example: `put('k', 'v')`, the first of a connection, 53 bytes: 1 | 1 0 1 5 2 | 01 01 01 6b 76.
 */
import type { PackedWrite } from '../write/packed-operations.ts'

const HEADER_SIZE_BYTES = 8
const SEGMENT_SIZE_BYTES = 40

export interface WriteSegment {
  readonly id: number
  readonly sync: boolean
  readonly count: number
  readonly sizeBytes: number
  readonly userSizeBytes: number
}

export interface ReceivedSegment extends PackedWrite {
  readonly id: number
  readonly sync: boolean
}

/** @param operations of all segments, in order */
export function encodeWrites(segments: readonly WriteSegment[], operations: Uint8Array): ArrayBuffer {
  const headSizeBytes = HEADER_SIZE_BYTES + segments.length * SEGMENT_SIZE_BYTES
  const buffer = new ArrayBuffer(headSizeBytes + operations.length)
  const head = new DataView(buffer)
  head.setFloat64(0, segments.length, true)
  let offset = HEADER_SIZE_BYTES
  for (const { id, sync, count, sizeBytes, userSizeBytes } of segments) {
    for (const field of [id, sync ? 1 : 0, count, sizeBytes, userSizeBytes]) {
      head.setFloat64(offset, field, true)
      offset += 8
    }
  }
  new Uint8Array(buffer).set(operations, headSizeBytes)
  return buffer
}

export function decodeWrites(buffer: ArrayBuffer): ReceivedSegment[] {
  const head = new DataView(buffer)
  const count = head.getFloat64(0, true)
  const segments: ReceivedSegment[] = []
  let bytesOffset = HEADER_SIZE_BYTES + count * SEGMENT_SIZE_BYTES
  for (let i = 0; i < count; i++) {
    const field = (index: number): number =>
      head.getFloat64(HEADER_SIZE_BYTES + i * SEGMENT_SIZE_BYTES + index * 8, true)
    const sizeBytes = field(3)
    segments.push({
      id: field(0),
      sync: field(1) === 1,
      count: field(2),
      sizeBytes,
      userSizeBytes: field(4),
      bytes: new Uint8Array(buffer, bytesOffset, sizeBytes),
    })
    bytesOffset += sizeBytes
  }
  return segments
}
