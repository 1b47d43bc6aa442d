/** What the proofs of a store and class come to. Pure. */
import type { StoreName } from '../drivers/stores.ts'

export interface DurabilityProof {
  readonly store: StoreName
  readonly durability: 'process' | 'power'
  readonly writerCount: number
  readonly writeCount: number
  /** Entries that were there after the process had been killed. */
  readonly foundCount: number
  /** Syncs, and writes that are synced by themselves; `undefined` where calls cannot be traced. */
  readonly syncCount: number | undefined
}

export type Verdict = 'proved' | 'not proved' | 'refuted'

export function verdictOf(
  proofs: readonly DurabilityProof[],
  store: StoreName,
  durability: 'process' | 'power',
): Verdict {
  const own = proofs.filter((proof) => proof.store === store && proof.durability === durability)
  if (own.some(({ foundCount, writeCount }) => foundCount < writeCount)) {
    return 'refuted'
  }
  const alone = own.find(({ writerCount }) => writerCount === 1)
  if (alone === undefined) {
    return 'not proved'
  }
  if (durability === 'process') {
    return 'proved'
  }
  if (alone.syncCount === undefined) {
    return 'not proved'
  }
  return alone.syncCount >= alone.writeCount ? 'proved' : 'refuted'
}
