/** A walk through a store for people: what it holds, look-ups and a scan with their times, the levels. */
import type { Store } from 'varve'
import type { CommandContext } from './command-context.ts'
import { printable } from './printable.ts'
import { countOf, formatCount, formatDuration, formatSize, ratePerSecond } from './quantity.ts'
import { renderLevels, renderTable, renderWrites, tableSizeBytes } from './report.ts'
import { firstSegment, survey } from './survey.ts'
import type { Survey } from './survey.ts'

const lookUpCountMax = 5000
const shownCountMax = 3
const groupCountMax = 8
/** For each part: values may be large, and stores too. */
const partTimeMsMax = 2000
const scanCountMax = 100_000
const valueWidthMax = 100
/** A store with fewer bytes of tables is counted whole, however long it takes. */
const smallSizeBytesMax = 128 * 1024 * 1024

export async function showStore(context: CommandContext, store: Store): Promise<void> {
  const { output, interruption } = context
  const shouldStop = (): boolean => interruption.signal.aborted || output.closed
  const timeMsMax = tableSizeBytes(store.stats()) <= smallSizeBytesMax ? Infinity : partTimeMsMax
  const found = await survey(store, { sampleCountMax: lookUpCountMax, timeMsMax, shouldStop })
  if (found.keyCount === 0) {
    await output.printLine('The store is empty.')
    return
  }
  const parts = [
    () => showContents(context, store, found),
    () => showLookUps(context, store, found),
    () => showScan(context, store, found),
    () => showLevels(context, store),
  ]
  for (const part of parts) {
    if (shouldStop()) {
      return
    }
    await part()
  }
}

async function showContents({ output }: CommandContext, store: Store, found: Survey): Promise<void> {
  const shown = found.groups.slice(0, groupCountMax)
  const rows: string[][] = []
  for (const { label, prefix, count } of shown) {
    const sizeBytes = await store.approximateSize(prefix.length === 0 ? {} : { prefix })
    // Keys without a prefix lie anywhere: no range holds just them.
    rows.push([label || '(no prefix)', formatCount(count), prefix.length === 0 ? '' : formatSize(sizeBytes)])
  }
  if (found.groups.length > shown.length) {
    rows.push([`${formatCount(found.groups.length - shown.length)} more prefixes`, '', ''])
  }
  const keys = `${found.isComplete ? '' : 'more than '}${countOf(found.keyCount, 'key')}`
  await output.printLine()
  await output.printLine(`Contents: ${keys}, read in ${formatDuration(found.elapsedMs)}`)
  await output.printLine(renderTable(['prefix', 'keys', 'size on disk'], rows))
}

async function showLookUps({ output, interruption }: CommandContext, store: Store, found: Survey): Promise<void> {
  const latencies: number[] = []
  const shown: string[] = []
  let missingCount = 0
  const startMs = performance.now()
  for (const key of shuffled(found.sample)) {
    const beforeMs = performance.now()
    if (interruption.signal.aborted) {
      return
    }
    if (beforeMs - startMs > partTimeMsMax) {
      break
    }
    const value = await store.get(key)
    latencies.push(performance.now() - beforeMs)
    if (value === undefined) {
      missingCount++
    } else if (shown.length < shownCountMax) {
      shown.push(entryLine(key, value))
    }
  }
  const elapsedMs = performance.now() - startMs
  const each = `${formatDuration(elapsedMs / latencies.length)} each, 99 of 100 within ${formatDuration(percentile99(latencies))}`
  const outcome = missingCount === 0 ? 'all found' : `${formatCount(missingCount)} NOT FOUND`
  await output.printLine()
  await output.printLine(`Point look-ups: ${formatCount(latencies.length)} random keys, ${each}, ${outcome}`)
  for (const line of shown) {
    await output.printLine(line)
  }
}

async function showScan({ output, interruption }: CommandContext, store: Store, found: Survey): Promise<void> {
  const prefix = scanPrefix(found)
  const range = prefix.length === 0 ? {} : { prefix }
  const iterator = store.iterator({ ...range, limit: scanCountMax })
  const shown: string[] = []
  let count = 0
  let isComplete = false
  const startMs = performance.now()
  try {
    while (!interruption.signal.aborted && performance.now() - startMs < partTimeMsMax) {
      const entries = await iterator.nextMany(1000)
      if (entries.length === 0) {
        isComplete = count < scanCountMax
        break
      }
      for (const [key, value] of entries.slice(0, shownCountMax - shown.length)) {
        shown.push(entryLine(key, value))
      }
      count += entries.length
    }
  } finally {
    await iterator.close()
  }
  const elapsedMs = performance.now() - startMs
  const name = prefix.length === 0 ? 'Scan from the first key' : `Prefix scan of ${printable(prefix)}`
  const speed = count < 1000 ? '' : ` (${formatCount(ratePerSecond(count, elapsedMs))} entries/s)`
  const rest = count > shown.length ? ', the first:' : ':'
  await output.printLine()
  await output.printLine(
    `${name}: ${isComplete ? '' : 'the first '}${countOf(count, 'entry', 'entries')} in ${formatDuration(elapsedMs)}${speed}${rest}`,
  )
  for (const line of shown) {
    await output.printLine(line)
  }
}

async function showLevels({ output }: CommandContext, store: Store): Promise<void> {
  const stats = store.stats()
  await output.printLine()
  await output.printLine(renderLevels(stats))
  const writes = renderWrites(stats)
  if (writes !== undefined) {
    await output.printLine(writes)
  }
}

/** The first two segments of some key: with cities, one country. */
function scanPrefix({ sample }: Survey): Buffer {
  const key = sample[Math.floor(sample.length / 2)]
  if (key === undefined) {
    return Buffer.alloc(0)
  }
  const first = firstSegment(key)
  const second = first.length === 0 ? first : firstSegment(key, first.length)
  return second.length === 0 ? first : second
}

function entryLine(key: Buffer, value: Buffer): string {
  return `  ${printable(key, 60)}  ${printable(value, valueWidthMax)}`
}

function percentile99(latencies: readonly number[]): number {
  const sorted = latencies.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0
}

/** The sample of a store that is smaller than it comes in the order of the keys. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
