/**
 * Writes of a remote: packed, gathered over a turn of the loop, sent in order as far as credits go, and settled as the
 * owner acknowledges them. One segment is one promise, shared by its members.
 *
 *     put -> open chunk --end of the turn, credits--> owner -> settled: credits come back, the next chunk goes
 *
 * A chunk is what one message carries. What has been sent and not acknowledged is bounded by the credits; what waits for
 * them, by the store's `stalledSizeBytesMax`. Credits are for writes alone: nothing else waits behind a write that stalls.
 */
import { BusyError, KIND_DELETE, KIND_PUT, walEntrySizeBytes, type Env } from '@varve/storage'
import { keySizeOf, valueSizeOf, type Bytes } from '../../bytes.ts'
import { Deferred } from '../../deferred.ts'
import { PackedOperations, type PackedWrite } from '../../write/packed-operations.ts'
import type { ConditionalMessage } from '../messages.ts'
import { encodeWrites } from '../write-message.ts'
import type { PortHold } from './port-hold.ts'

/** A message is not larger, but for a single batch. The owner takes one in without a turn of its loop. */
const CHUNK_SIZE_BYTES_MAX = 256 * 1024
const CHUNK_COUNT_MAX = 8192
/** A segment is written as one: it takes at most this part of a memtable, but for a single batch. */
const SEGMENTS_PER_MEMTABLE = 4
/** What an operation is charged besides its bytes, as in an arena. */
const OPERATION_OVERHEAD_SIZE_BYTES = 56
/** Sent and not acknowledged; a single chunk may have any size. */
const CREDIT_SIZE_BYTES = 1024 * 1024
const CREDIT_COUNT = 2 * CHUNK_COUNT_MAX

class Segment {
  readonly id: number
  readonly sync: boolean
  readonly done = new Deferred()
  count = 0
  sizeBytes = 0
  userSizeBytes = 0

  /** Of a memtable's room. */
  get chargedSizeBytes(): number {
    return this.sizeBytes + this.count * OPERATION_OVERHEAD_SIZE_BYTES
  }

  constructor(id: number, sync: boolean) {
    this.id = id
    this.sync = sync
  }
}

class Chunk {
  readonly packed = new PackedOperations()
  segments: Segment[] = []
  /** Instead of packed operations. */
  conditional: ConditionalMessage | undefined
  sizeBytes = 0
  count = 0
}

export interface RemoteWriterSetup {
  readonly env: Env
  readonly hold: PortHold
  readonly valueSizeBytesMax: number
  readonly waitingSizeBytesMax: number
  readonly memtableSizeBytes: number
  send(message: ArrayBuffer | ConditionalMessage, transfer: readonly ArrayBuffer[]): void
}

export class RemoteWriter {
  readonly #setup: RemoteWriterSetup
  readonly #batch = new PackedOperations()
  /** Not sent, oldest first; the last one is open. */
  readonly #chunks: Chunk[] = []
  #waitingSizeBytes = 0
  /** Sent, by id. */
  readonly #sent = new Map<number, Segment>()
  #sentSizeBytes = 0
  #sentCount = 0
  #lastId = 0
  #lastSentId = 0
  #spare: Chunk | undefined
  #isTurnPending = false
  #refusal: Error | undefined

  constructor(setup: RemoteWriterSetup) {
    this.#setup = setup
  }

  /** Bytes of writes that are not acknowledged. */
  get pendingSizeBytes(): number {
    return this.#waitingSizeBytes + this.#sentSizeBytes
  }

  put(key: Bytes, value: Bytes, sync: boolean): Promise<void> {
    const keySize = keySizeOf(key)
    return this.#addOne(KIND_PUT, key, keySize, value, valueSizeOf(value, this.#setup.valueSizeBytesMax), sync)
  }

  delete(key: Bytes, sync: boolean): Promise<void> {
    return this.#addOne(KIND_DELETE, key, keySizeOf(key), '', 0, sync)
  }

  /** All or none; `pack` fills the operations, or throws. An empty list resolves at once, with `undefined`. */
  write(pack: (batch: PackedOperations) => void, sync: boolean): Promise<void> | undefined {
    try {
      pack(this.#batch)
      return this.#batch.count === 0 ? undefined : this.#addBatch(this.#batch, sync)
    } finally {
      this.#batch.clear()
    }
  }

  writeIf(message: Omit<ConditionalMessage, 'kind' | 'id' | 'sync'>, sync: boolean): Promise<void> {
    const { operations, keys } = message
    const sizeBytes = operations.bytes.length + keys.bytes.length
    const chunk = this.#room(sizeBytes, true)
    const segment = this.#segmentOf(chunk, sync, sizeBytes)
    chunk.conditional = { ...message, kind: 'conditional', id: segment.id, sync }
    this.#added(chunk, segment, sizeBytes, Math.max(1, operations.count), operations.userSizeBytes)
    return segment.done.promise
  }

  /** Sends what credits allow, now; returns the id of the last write that was sent. */
  sendNow(): number {
    this.#send()
    return this.#lastSentId
  }

  settled(ids: readonly number[]): void {
    for (const id of ids) {
      this.#take(id)?.done.resolve()
    }
    this.#send()
  }

  failed(id: number, error: Error): void {
    this.#take(id)?.done.reject(error)
    this.#send()
  }

  /** Nothing more is taken; what is not sent after this is rejected. */
  refuse(refusal: Error): void {
    this.#refusal = refusal
    this.#send()
    for (const chunk of this.#chunks.splice(0)) {
      chunk.segments.forEach((segment) => this.#reject(segment, refusal))
    }
    this.#waitingSizeBytes = 0
  }

  /** Nothing more comes from the owner. */
  rejectAll(error: Error): void {
    this.#refusal = error
    const segments = [...this.#chunks.splice(0).flatMap((chunk) => chunk.segments), ...this.#sent.values()]
    this.#sent.clear()
    this.#waitingSizeBytes = 0
    this.#sentSizeBytes = 0
    segments.forEach((segment) => this.#reject(segment, error))
  }

  #addOne(kind: number, key: Bytes, keySize: number, value: Bytes, valueSize: number, sync: boolean): Promise<void> {
    const sizeBytes = walEntrySizeBytes(kind, keySize, valueSize)
    const chunk = this.#room(sizeBytes, false)
    const segment = this.#segmentOf(chunk, sync, sizeBytes)
    chunk.packed.add(kind, key, keySize, value, valueSize)
    this.#added(chunk, segment, sizeBytes, 1, keySize + valueSize)
    return segment.done.promise
  }

  #addBatch(batch: PackedWrite, sync: boolean): Promise<void> {
    const chunk = this.#room(batch.sizeBytes, false)
    const segment = this.#segmentOf(chunk, sync, batch.sizeBytes)
    chunk.packed.append(batch)
    this.#added(chunk, segment, batch.sizeBytes, batch.count, batch.userSizeBytes)
    return segment.done.promise
  }

  /** The open chunk, or a new one if it has no room, or if the write is to stand alone. */
  #room(sizeBytes: number, isAlone: boolean): Chunk {
    if (this.#refusal !== undefined) {
      throw this.#refusal
    }
    const waitingSizeBytesMax = Math.max(CREDIT_SIZE_BYTES, this.#setup.waitingSizeBytesMax)
    if (this.#waitingSizeBytes > 0 && this.#waitingSizeBytes + sizeBytes > waitingSizeBytesMax) {
      throw new BusyError(
        `${this.#waitingSizeBytes} bytes of this thread's writes wait already, and the option stalledSizeBytesMax allows ` +
          `${waitingSizeBytesMax}: await earlier writes before you make more`,
      )
    }
    const last = this.#chunks.at(-1)
    const hasRoom =
      last !== undefined &&
      last.conditional === undefined &&
      last.count < CHUNK_COUNT_MAX &&
      last.sizeBytes + sizeBytes <= CHUNK_SIZE_BYTES_MAX
    if (hasRoom && !isAlone) {
      return last
    }
    const chunk = this.#spare ?? new Chunk()
    this.#spare = undefined
    this.#chunks.push(chunk)
    if (!this.#isTurnPending) {
      this.#isTurnPending = true
      this.#setup.env.scheduler.immediate(() => {
        this.#isTurnPending = false
        this.#send()
      })
    }
    return chunk
  }

  #segmentOf(chunk: Chunk, sync: boolean, sizeBytes: number): Segment {
    const last = chunk.segments.at(-1)
    const sizeBytesMax = this.#setup.memtableSizeBytes / SEGMENTS_PER_MEMTABLE
    if (last !== undefined && last.sync === sync && last.chargedSizeBytes + sizeBytes <= sizeBytesMax) {
      return last
    }
    const segment = new Segment(++this.#lastId, sync)
    chunk.segments.push(segment)
    this.#setup.hold.begin()
    return segment
  }

  #added(chunk: Chunk, segment: Segment, sizeBytes: number, count: number, userSizeBytes: number): void {
    segment.count += count
    segment.sizeBytes += sizeBytes
    segment.userSizeBytes += userSizeBytes
    chunk.count += count
    chunk.sizeBytes += sizeBytes
    this.#waitingSizeBytes += sizeBytes
  }

  #send(): void {
    for (let chunk = this.#chunks[0]; chunk !== undefined && this.#hasCreditFor(chunk); chunk = this.#chunks[0]) {
      this.#chunks.shift()
      this.#waitingSizeBytes -= chunk.sizeBytes
      for (const segment of chunk.segments) {
        this.#sent.set(segment.id, segment)
        this.#sentSizeBytes += segment.sizeBytes
        this.#sentCount += segment.count
        this.#lastSentId = segment.id
      }
      this.#post(chunk)
    }
  }

  #hasCreditFor({ sizeBytes, count }: Chunk): boolean {
    const fits = this.#sentSizeBytes + sizeBytes <= CREDIT_SIZE_BYTES && this.#sentCount + count <= CREDIT_COUNT
    return fits || this.#sent.size === 0
  }

  #post(chunk: Chunk): void {
    if (chunk.conditional !== undefined) {
      this.#setup.send(chunk.conditional, [])
      return
    }
    const message = encodeWrites(chunk.segments, chunk.packed.bytes)
    this.#setup.send(message, [message])
    chunk.packed.clear()
    chunk.segments = []
    chunk.sizeBytes = 0
    chunk.count = 0
    this.#spare = chunk
  }

  #take(id: number): Segment | undefined {
    const segment = this.#sent.get(id)
    if (segment !== undefined) {
      this.#sent.delete(id)
      this.#sentSizeBytes -= segment.sizeBytes
      this.#sentCount -= segment.count
      this.#setup.hold.end()
    }
    return segment
  }

  #reject(segment: Segment, error: Error): void {
    this.#setup.hold.end()
    segment.done.reject(error)
  }
}
