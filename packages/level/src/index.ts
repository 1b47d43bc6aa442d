/** `@varve/level`: a database of abstract-level, with the options and methods of classic-level. */
export type { ChainedBatch } from './level-chained-batch.ts'
export type { LevelError } from './level-error.ts'
export type {
  LevelIterator as Iterator,
  LevelKeyIterator as KeyIterator,
  LevelValueIterator as ValueIterator,
} from './level-iterator.ts'
export type {
  AdditionalIteratorOptions,
  BatchOptions,
  ChainedBatchWriteOptions,
  DelOptions,
  GetManyOptions,
  GetOptions,
  HasManyOptions,
  HasOptions,
  IteratorOptions,
  KeyIteratorOptions,
  PutOptions,
  ReadOptions,
  StartEndOptions,
  ValueIteratorOptions,
  WriteOptions,
} from './options.ts'
export type { DatabaseOptions, OpenOptions } from './store-options.ts'
export { VarveLevel } from './varve-level.ts'
export type { AbstractBatchOperation as BatchOperation, AbstractSnapshot as Snapshot } from 'abstract-level'
