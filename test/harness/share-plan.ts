/** What tests ask of a thread that uses a store through `connect`. */
import type { ConnectOptions } from 'varve'

export interface SharePlan {
  readonly options?: ConnectOptions
}

export type ShareCommand =
  | { readonly do: 'put'; readonly key: string; readonly value: string; readonly sync?: boolean }
  | { readonly do: 'get' | 'getMany' | 'keys'; readonly keys: readonly string[] }
  /** Opens a snapshot and an iterator that stays half read, for whoever ends the thread. */
  | { readonly do: 'hold' }
  /** Reads at the snapshot that it holds. */
  | { readonly do: 'readHeld'; readonly key: string }
  /** Keeps the thread from turning until the cell is not 0. */
  | { readonly do: 'spin'; readonly cell: Int32Array }
  /** Puts without waiting, and dies in the middle. */
  | { readonly do: 'exit' | 'throw' }
  | { readonly do: 'close' }

export interface ShareAnswer {
  readonly id: number
  readonly value?: unknown
  readonly error?: { readonly code: unknown; readonly className: string; readonly message: string }
}
