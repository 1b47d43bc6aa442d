/** All that is in a store, to be compared as a whole. */
import type { Store } from 'varve'

/** Keys and values as latin-1 text, in order. */
export async function contentsOf(store: Store): Promise<[string, string][]> {
  const contents: [string, string][] = []
  for await (const [key, value] of store.entries()) {
    contents.push([key.toString('latin1'), value.toString('latin1')])
  }
  return contents
}

/** Puts `count` entries whose values are `valueSizeBytes` long, and returns what `contentsOf` must find. */
export async function fill(
  store: Store,
  count: number,
  valueSizeBytes = 100,
  prefix = 'key',
): Promise<[string, string][]> {
  const entries = Array.from({ length: count }, (_, i): [string, string] => [
    `${prefix}-${String(i).padStart(6, '0')}`,
    `value ${i} `.padEnd(valueSizeBytes, String.fromCharCode(97 + (i % 26))),
  ])
  await Promise.all(entries.map(([key, value]) => store.put(key, value)))
  return entries
}
