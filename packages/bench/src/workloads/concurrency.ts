/** Ways to keep several operations under way, each with the latencies of single ones. */
import type { LatencyRecorder } from './latency-recorder.ts'

/** One in so many operations of a wave is timed: a promise more for each would be a load of its own. */
const TIMED_SHARE = 16

type Operation = (index: number) => Promise<void>

/** One after the other. The end of one is the start of the next. */
export async function oneByOne(
  first: number,
  count: number,
  latencies: LatencyRecorder,
  operation: Operation,
): Promise<void> {
  let startMs = performance.now()
  for (let index = first; index < first + count; index++) {
    await operation(index)
    const endMs = performance.now()
    latencies.record(endMs - startMs)
    startMs = endMs
  }
}

/** Waves: all operations of one are awaited together, as `Promise.all` has it. */
export async function inWaves(
  first: number,
  count: number,
  waveCount: number,
  latencies: LatencyRecorder,
  operation: Operation,
): Promise<void> {
  for (let start = first; start < first + count; start += waveCount) {
    const end = Math.min(start + waveCount, first + count)
    const wave: Promise<void>[] = []
    for (let index = start; index < end; index++) {
      wave.push(index % TIMED_SHARE === 0 ? timed(latencies, operation, index) : operation(index))
    }
    await Promise.all(wave)
  }
}

async function timed(latencies: LatencyRecorder, operation: Operation, index: number): Promise<void> {
  const startMs = performance.now()
  await operation(index)
  latencies.record(performance.now() - startMs)
}

/** Clients that each wait for their own operation before they issue the next. */
export async function byClients(
  first: number,
  count: number,
  clientCount: number,
  latencies: LatencyRecorder,
  operation: Operation,
): Promise<void> {
  let next = first
  const end = first + count
  const client = async (): Promise<void> => {
    while (next < end) {
      await timed(latencies, operation, next++)
    }
  }
  await Promise.all(Array.from({ length: Math.min(clientCount, count) }, client))
}

/** As `oneByOne`, without promises; only one in `TIMED_SHARE` is timed, as a clock costs as much as a read. */
export function synchronously(
  first: number,
  count: number,
  latencies: LatencyRecorder,
  operation: (index: number) => void,
): void {
  for (let index = first; index < first + count; index++) {
    if (index % TIMED_SHARE !== 0) {
      operation(index)
      continue
    }
    const startMs = performance.now()
    operation(index)
    latencies.record(performance.now() - startMs)
  }
}

/** What must be done at a rate is done, or known not to be, by this multiple of its time, and not before this time. */
const LATE_FACTOR = 3
const LATE_MIN_MS = 5000
const TICK_MS = 1
const MS_PER_SECOND = 1000

/**
 * Issues operations when they are due, whether or not earlier ones are done. The latency of each counts from when it was
 * due. Resolves, when all that were issued are done, to how many there were: fewer than `count` if the store fell behind.
 */
export async function atRate(
  count: number,
  ratePerSecond: number,
  latencies: LatencyRecorder,
  operation: Operation,
): Promise<number> {
  latencies.kind = 'response'
  const plannedMs = (count / ratePerSecond) * MS_PER_SECOND
  const startMs = performance.now()
  const endMs = startMs + Math.max(plannedMs * LATE_FACTOR, LATE_MIN_MS)
  const failures: unknown[] = []
  let issuedCount = 0
  let doneCount = 0
  let wake: (() => void) | undefined
  const issue = (index: number): void => {
    const dueMs = startMs + (index / ratePerSecond) * MS_PER_SECOND
    operation(index)
      .then(() => latencies.record(performance.now() - dueMs))
      .catch((error: unknown) => failures.push(error))
      .finally(() => {
        doneCount++
        if (doneCount === issuedCount) {
          wake?.()
        }
      })
  }
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - startMs
      const due = Math.min(count, Math.floor((elapsedMs / MS_PER_SECOND) * ratePerSecond))
      // A store whose calls are synchronous is late here already, with ever more due at each firing.
      while (issuedCount < due && performance.now() < endMs) {
        issue(issuedCount++)
      }
      if (issuedCount === count || performance.now() >= endMs || failures.length > 0) {
        clearInterval(timer)
        resolve()
      }
    }, TICK_MS)
  })
  if (doneCount < issuedCount) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  if (failures.length > 0) {
    throw new Error(`${failures.length} of ${issuedCount} operations failed`, { cause: failures[0] })
  }
  return issuedCount
}
