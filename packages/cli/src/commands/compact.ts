/** `varve compact`: merges all tables down, so that deleted and overwritten entries give their space back. */
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure } from '../failure.ts'
import { formatDuration, formatSize } from '../quantity.ts'
import { renderLevels, tableSizeBytes } from '../report.ts'

export async function compact(context: CommandContext): Promise<void> {
  const { output, interruption } = context
  await withStore(context, { create: false }, async (store) => {
    const before = tableSizeBytes(store.stats())
    const startMs = performance.now()
    const work = store.compactRange()
    await Promise.race([work, whenAborted(interruption.signal)])
    if (interruption.signal.aborted) {
      // Closing the store ends it: a rejection that nobody waits for must not end the process.
      work.catch(() => undefined)
      throw new CommandFailure('interrupted: the store is as it was, partly compacted', interruption.exitCode)
    }
    const elapsed = formatDuration(performance.now() - startMs)
    await output.printLine(
      `Compacted ${formatSize(before)} to ${formatSize(tableSizeBytes(store.stats()))} in ${elapsed}`,
    )
    await output.printLine(renderLevels(store.stats()))
  })
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
    } else {
      signal.addEventListener('abort', () => resolve(), { once: true })
    }
  })
}
