/** AbstractLevel, whose methods take the options of this database: a base class that differs in its types alone. */
import { AbstractLevel, type AbstractBatchOperation, type AbstractSnapshot } from 'abstract-level'
import type { ChainedBatch } from './level-chained-batch.ts'
import type { LevelIterator, LevelKeyIterator, LevelValueIterator } from './level-iterator.ts'
import type {
  BatchOptions,
  DelOptions,
  GetManyOptions,
  GetOptions,
  HasManyOptions,
  HasOptions,
  IteratorOptions,
  KeyIteratorOptions,
  PutOptions,
  ValueIteratorOptions,
} from './options.ts'
import type { DatabaseOptions, OpenOptions } from './store-options.ts'

export interface TypedLevel<KDefault, VDefault> extends AbstractLevel<
  string | Buffer | Uint8Array,
  KDefault,
  VDefault
> {
  open(): Promise<void>
  open(options: OpenOptions): Promise<void>

  get(key: KDefault): Promise<VDefault | undefined>
  get<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): Promise<V | undefined>

  getSync(key: KDefault): VDefault | undefined
  getSync<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): V | undefined

  getMany(keys: KDefault[]): Promise<(VDefault | undefined)[]>
  getMany<K = KDefault, V = VDefault>(keys: K[], options: GetManyOptions<K, V>): Promise<(V | undefined)[]>

  has(key: KDefault): Promise<boolean>
  has<K = KDefault>(key: K, options: HasOptions<K>): Promise<boolean>

  hasMany(keys: KDefault[]): Promise<boolean[]>
  hasMany<K = KDefault>(keys: K[], options: HasManyOptions<K>): Promise<boolean[]>

  put(key: KDefault, value: VDefault): Promise<void>
  put<K = KDefault, V = VDefault>(key: K, value: V, options: PutOptions<K, V>): Promise<void>

  del(key: KDefault): Promise<void>
  del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>

  batch(operations: AbstractBatchOperation<this, KDefault, VDefault>[]): Promise<void>
  batch<K = KDefault, V = VDefault>(
    operations: AbstractBatchOperation<this, K, V>[],
    options: BatchOptions<K, V>,
  ): Promise<void>
  batch(): ChainedBatch<this, KDefault, VDefault>

  iterator(): LevelIterator<this, KDefault, VDefault>
  iterator<K = KDefault, V = VDefault>(options: IteratorOptions<K, V>): LevelIterator<this, K, V>

  keys(): LevelKeyIterator<this, KDefault>
  keys<K = KDefault>(options: KeyIteratorOptions<K>): LevelKeyIterator<this, K>

  values(): LevelValueIterator<this, KDefault, VDefault>
  values<K = KDefault, V = VDefault>(options: ValueIteratorOptions<K, V>): LevelValueIterator<this, K, V>

  snapshot(options?: unknown): AbstractSnapshot
}

export interface TypedLevelConstructor {
  new <KDefault, VDefault>(
    manifest: object,
    options?: DatabaseOptions<KDefault, VDefault>,
  ): TypedLevel<KDefault, VDefault>
}

export const TypedLevel: TypedLevelConstructor = AbstractLevel as unknown as TypedLevelConstructor
