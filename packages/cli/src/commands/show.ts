/** `varve` alone: loads the sample data into an empty store, then shows what the store holds. */
import type { Store } from 'varve'
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { findFirstMissing, markComplete, markPartial, readCities, readDatasetState } from '../dataset.ts'
import { CommandFailure } from '../failure.ts'
import { Load, writesInFlightMax } from '../load.ts'
import type { LoadResult } from '../load.ts'
import { withProgress } from '../progress.ts'
import type { ProgressReading } from '../progress.ts'
import { countOf, formatCount, formatDuration, formatSize, ratePerSecond } from '../quantity.ts'
import type { SourceRecord } from '../record-source/record-source.ts'
import { describeStall } from '../report.ts'
import { showStore } from '../store-tour.ts'

export async function show(context: CommandContext): Promise<void> {
  await withStore(context, { create: true }, async (store) => {
    const { output } = context
    const state = await readDatasetState(store)
    await output.printLine(`Store in ${context.directory}${state === 'empty store' ? ', empty so far' : ''}`)
    if (state === 'empty store' || state === 'partial') {
      await loadCities(context, store)
    }
    await showStore(context, store)
    if (!context.interruption.signal.aborted) {
      await output.printLine()
      const command = process.env['npm_lifecycle_event'] === 'start' ? 'npm start --' : 'varve'
      await output.printLine(`Next: ${command} get KEY, ${command} scan --prefix P --limit 5, ${command} --help`)
    }
  })
}

async function loadCities(context: CommandContext, store: Store): Promise<void> {
  const { output, interruption } = context
  const cities = await readCities()
  const first = await findFirstMissing(store, cities)
  if (first > 0) {
    const counts = `${formatCount(first)} of ${formatCount(cities.length)}`
    await output.printLine(`An earlier load stopped after ${counts} cities: loading the rest`)
  }
  await markPartial(store)
  const remaining = cities.slice(first)
  const cityCount = countOf(remaining.length, 'city', 'cities')
  await output.printLine(`Loading ${cityCount} with ${writesInFlightMax} puts in flight at any time`)
  const load = new Load(store, { sync: false, signal: interruption.signal })
  const { elapsedMs, failure } = await runLoad(context, store, load, remaining)
  if (failure !== undefined) {
    throw failure
  }
  if (load.recordCount < remaining.length) {
    const counts = `${formatCount(first + load.recordCount)} of ${formatCount(cities.length)}`
    throw new CommandFailure(
      `interrupted: ${counts} cities are stored; the next start loads the rest`,
      interruption.exitCode,
    )
  }
  await markComplete(store, cities.length)
  // So that the tables below show what the writes cost to the end.
  await store.flush()
  const rate = formatCount(ratePerSecond(load.recordCount, elapsedMs))
  const size = formatSize(load.sizeBytes)
  await output.printLine(`Loaded ${cityCount} (${size}) in ${formatDuration(elapsedMs)}: ${rate} puts/s`)
}

function runLoad(
  context: CommandContext,
  store: Store,
  load: Load,
  records: readonly SourceRecord[],
): Promise<LoadResult> {
  const startMs = performance.now()
  const read = (): ProgressReading => {
    const rate = formatCount(ratePerSecond(load.recordCount, performance.now() - startMs))
    const counts = `${formatCount(load.recordCount)} of ${formatCount(records.length)} cities`
    const text = `${counts}, ${rate}/s${describeStall(store.stats())}`
    return { value: load.recordCount, total: records.length, text }
  }
  return withProgress(context.progressStream, read, () => load.run(records))
}
