/** The options of calls: those of abstract-level, and classic-level's own. */
import type {
  AbstractBatchOptions,
  AbstractChainedBatchWriteOptions,
  AbstractDelOptions,
  AbstractGetManyOptions,
  AbstractGetOptions,
  AbstractHasManyOptions,
  AbstractHasOptions,
  AbstractIteratorOptions,
  AbstractKeyIteratorOptions,
  AbstractPutOptions,
  AbstractValueIteratorOptions,
  Transcoder,
} from 'abstract-level'

export interface ReadOptions {
  /** Accepted, without effect: what was read stays in the cache while there is room. */
  readonly fillCache?: boolean | undefined
}

export interface WriteOptions {
  /** Resolve only when the write survives a loss of power. Default: false; it then survives the process's death. */
  readonly sync?: boolean | undefined
}

export interface AdditionalIteratorOptions extends ReadOptions {
  /**
   * The size of entries, in bytes, after which reading ahead, or `nextv`, stops. Default: 64 KiB ahead of `next`, and
   * 8 MiB for `nextv`.
   */
  readonly highWaterMarkBytes?: number | undefined
}

export interface GetOptions<K, V> extends AbstractGetOptions<K, V>, ReadOptions {}
export interface GetManyOptions<K, V> extends AbstractGetManyOptions<K, V>, ReadOptions {}
export interface HasOptions<K> extends AbstractHasOptions<K>, ReadOptions {}
export interface HasManyOptions<K> extends AbstractHasManyOptions<K>, ReadOptions {}
export interface PutOptions<K, V> extends AbstractPutOptions<K, V>, WriteOptions {}
export interface DelOptions<K> extends AbstractDelOptions<K>, WriteOptions {}
export interface BatchOptions<K, V> extends AbstractBatchOptions<K, V>, WriteOptions {}
export interface ChainedBatchWriteOptions extends AbstractChainedBatchWriteOptions, WriteOptions {}
export type IteratorOptions<K, V> = AbstractIteratorOptions<K, V> & AdditionalIteratorOptions
export type KeyIteratorOptions<K> = AbstractKeyIteratorOptions<K> & AdditionalIteratorOptions
export type ValueIteratorOptions<K, V> = AbstractValueIteratorOptions<K, V> & AdditionalIteratorOptions

/** Of `approximateSize` and `compactRange`. */
export interface StartEndOptions<K> {
  /** Encodes `start` and `end`. Default: that of the database. */
  readonly keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined
}
