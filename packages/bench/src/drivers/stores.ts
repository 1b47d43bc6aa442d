/** The stores that can be compared. Peers are optional: one that is not installed is left out. */
import type { StoreModule } from './store-driver.ts'

/** The first one is what the others are compared with. */
export const STORE_NAMES = ['varve', 'varve-level', 'classic-level'] as const

export type StoreName = (typeof STORE_NAMES)[number]

/** @throws whatever the package throws when it cannot be loaded */
export async function loadStore(name: StoreName): Promise<StoreModule> {
  switch (name) {
    case 'varve':
      return (await import('./varve-driver.ts')).varve
    case 'varve-level':
      return (await import('./varve-level-driver.ts')).varveLevel
    case 'classic-level':
      return (await import('./classic-level-driver.ts')).classicLevel
  }
}

/** `undefined` if the package, or the binary for this platform, is not there. */
export async function loadStoreIfInstalled(name: StoreName): Promise<StoreModule | undefined> {
  try {
    return await loadStore(name)
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND' || /no native build/i.test(String(message))) {
      return undefined
    }
    throw error
  }
}
