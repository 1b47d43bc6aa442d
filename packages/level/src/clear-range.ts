/** Deletes a range in batches. Keys go from where they lie into the batch; values are not looked at. */
import { WriteBatch, type EntryBytes, type RangeOptions, type Store } from 'varve'

const BATCH_COUNT = 1000

export async function clearRange(store: Store, range: RangeOptions): Promise<void> {
  const batch = new WriteBatch()
  const takeIntoBatch = ({ keyBytes, keyOffset, keySize }: EntryBytes): WriteBatch =>
    batch.delete(keyBytes.subarray(keyOffset, keyOffset + keySize))
  const iterator = store.iterate(range, takeIntoBatch)
  try {
    while ((await iterator.takeMany(BATCH_COUNT, Infinity)).length > 0) {
      await store.write(batch)
      batch.clear()
    }
  } finally {
    await iterator.close()
  }
}
