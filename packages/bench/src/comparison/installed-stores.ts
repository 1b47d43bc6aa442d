/** Which of the stores can be loaded here. A peer that cannot is left out, and the report says why. */
import type { StoreDescription } from '../drivers/store-driver.ts'
import { loadStore, reasonOfAbsence, type StoreName } from '../drivers/stores.ts'

export interface AbsentStore {
  readonly name: StoreName
  readonly reason: string
}

export interface InstalledStores {
  readonly present: ReadonlyMap<StoreName, StoreDescription>
  readonly absent: readonly AbsentStore[]
}

/** @throws what a store throws that is there and cannot be loaded */
export async function findStores(names: readonly StoreName[]): Promise<InstalledStores> {
  const present = new Map<StoreName, StoreDescription>()
  const absent: AbsentStore[] = []
  for (const name of names) {
    try {
      present.set(name, (await loadStore(name)).description)
    } catch (error) {
      const reason = reasonOfAbsence(error)
      if (reason === undefined) {
        throw error
      }
      absent.push({ name, reason })
    }
  }
  return { present, absent }
}
