/** What a thread is measured at, and the loop that all stores are measured with: so many operations in flight, for a while. */
export type StoreName = 'varve' | 'classic-level' | 'lmdb'
export type TaskName = 'puts' | 'batches' | 'gets'

export interface ThreadTask {
  readonly task: TaskName
  readonly durationMs: number
  /** Threads write keys of their own, and read those of all. */
  readonly thread: number
  readonly entryCount: number
}

export interface ThreadResult {
  readonly operationCount: number
  readonly elapsedMs: number
}

/** The part of a store that is measured. */
export interface ThreadStore {
  put(key: Buffer, value: Buffer): Promise<unknown>
  write(entries: readonly (readonly [Buffer, Buffer])[]): Promise<unknown>
  get(key: Buffer): Promise<Buffer | Uint8Array | undefined>
  close(): Promise<void>
}

export const BATCH_COUNT = 100
const VALUE_SIZE_BYTES = 100
const PUTS_IN_FLIGHT = 256
const BATCHES_IN_FLIGHT = 8
const GETS_IN_FLIGHT = 32
const KEY_SIZE_BYTES = 16
/** The clock is read once for so many operations. */
const OPERATIONS_PER_CLOCK_READING = 16

/** Keys come in no order, each once. */
export function keyOf(thread: number, index: number): Buffer {
  const key = Buffer.alloc(KEY_SIZE_BYTES)
  key.writeUInt32BE(Math.imul(index, 0x9e3779b1) >>> 0, 0)
  key.writeUInt32BE(thread, 4)
  key.writeUInt32BE(index, 8)
  return key
}

export function valueOf(index: number): Buffer {
  return Buffer.alloc(VALUE_SIZE_BYTES, index % 251)
}

export async function runTask(store: ThreadStore, task: ThreadTask): Promise<ThreadResult> {
  let index = 0
  const operations: Record<TaskName, { readonly inFlight: number; readonly count: number; run(): Promise<unknown> }> = {
    puts: {
      inFlight: PUTS_IN_FLIGHT,
      count: 1,
      run: () => {
        index++
        return store.put(keyOf(task.thread, index), valueOf(index))
      },
    },
    batches: {
      inFlight: BATCHES_IN_FLIGHT,
      count: BATCH_COUNT,
      run: () => {
        const first = index
        index += BATCH_COUNT
        return store.write(
          Array.from({ length: BATCH_COUNT }, (_, i) => [keyOf(task.thread, first + i), valueOf(i)] as const),
        )
      },
    },
    gets: {
      inFlight: GETS_IN_FLIGHT,
      count: 1,
      run: async () => {
        index = (Math.imul(index, 1_664_525) + 1_013_904_223 + task.thread) >>> 0
        const wanted = index % task.entryCount
        const value = await store.get(keyOf(0, wanted))
        if (value?.length !== VALUE_SIZE_BYTES) {
          throw new Error(`entry ${wanted} is not what was written`)
        }
      },
    },
  }
  return await runLanes(operations[task.task], task.durationMs)
}

/** Reads each entry once: what is cached then stays so. */
export async function readAll(store: ThreadStore, entryCount: number): Promise<void> {
  let index = 0
  const lane = async (): Promise<void> => {
    while (index < entryCount) {
      await store.get(keyOf(0, index++))
    }
  }
  await Promise.all(Array.from({ length: GETS_IN_FLIGHT }, lane))
}

async function runLanes(
  operation: { readonly inFlight: number; readonly count: number; run(): Promise<unknown> },
  durationMs: number,
): Promise<ThreadResult> {
  const startMs = performance.now()
  let runCount = 0
  let hasEnded = false
  const lane = async (): Promise<void> => {
    while (!hasEnded) {
      await operation.run()
      runCount++
      if (runCount % OPERATIONS_PER_CLOCK_READING === 0) {
        hasEnded = performance.now() - startMs >= durationMs
      }
    }
  }
  await Promise.all(Array.from({ length: operation.inFlight }, lane))
  return { operationCount: runCount * operation.count, elapsedMs: performance.now() - startMs }
}
