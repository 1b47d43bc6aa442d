/** What a parent tells a process that opens a store. */
import type { StoreOptions } from 'varve'

export interface StoreProcessPlan {
  readonly directory: string
  readonly options?: StoreOptions
  /**
   * - `hold`: keeps the store open until it is killed.
   * - `idle`: writes something and does nothing more, the store open.
   * - `pending`: issues writes, and does nothing more.
   * - `descriptors`: counts those of an idle store.
   * - `close`: closes at once.
   */
  readonly task: 'hold' | 'idle' | 'pending' | 'descriptors' | 'close'
}
