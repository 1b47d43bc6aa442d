/** Deletes the keys of a range that are there now, in batches: other writes may come between them. */
import type { RangeIterator } from '../read/range-iterator.ts'
import { resolveRange, type Range } from '../read/range.ts'
import type { Operation } from './packed-operations.ts'

const BATCH_COUNT = 1000

/** What holds the keys: the store, or another thread's hold on it. */
export interface Clearable {
  iterator(range: Range): RangeIterator
  write(operations: readonly Operation[]): Promise<void>
}

/** @throws VarveError (the promise rejects) as iterators and writes do */
export async function clearKeys(store: Clearable, range: Range | undefined): Promise<void> {
  const { lower, upper } = resolveRange(range)
  const iterator = store.iterator({ gte: lower, lt: upper })
  try {
    for (
      let chunk = await iterator.nextMany(BATCH_COUNT);
      chunk.length > 0;
      chunk = await iterator.nextMany(BATCH_COUNT)
    ) {
      await store.write(chunk.map(([key]) => ({ type: 'delete', key })))
    }
    // Refused while writes are: one that failed may still be found after a crash, though nothing of it is seen now.
    await store.write([])
  } finally {
    await iterator.close()
  }
}
