/** `varve checkpoint TARGET`: makes a store of its own of what the store holds now. */
import { resolve } from 'node:path'
import type { CheckpointProgress } from 'varve'
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { throwInterrupted } from '../failure.ts'
import { withProgress } from '../progress.ts'
import { countOf, formatCount, formatDuration, formatSize } from '../quantity.ts'
import { tableSizeBytes } from '../report.ts'

export async function checkpoint(context: CommandContext, target: string): Promise<void> {
  const { output, interruption, progressStream } = context
  await withStore(context, { create: false }, async (store) => {
    const startMs = performance.now()
    const total = tableSizeBytes(store.stats())
    let progress: CheckpointProgress | undefined
    const onProgress = (next: CheckpointProgress): void => void (progress = next)
    const report = await withProgress(
      progressStream,
      () => ({ value: progress?.doneSizeBytes ?? 0, total, text: textOf(progress) }),
      () => store.checkpoint(target, { signal: interruption.signal, onProgress }),
    ).catch((error: unknown) => throwInterrupted(error, interruption, 'no checkpoint was made'))
    const { tableCount, copiedTableCount, sizeBytes, sequence } = report
    const copied = copiedTableCount === 0 ? '' : `, ${formatCount(copiedTableCount)} of them copied`
    const tables = `${countOf(tableCount, 'table')} (${formatSize(sizeBytes)})${copied}`
    await output.printLine(`Made a checkpoint in ${resolve(target)} in ${formatDuration(performance.now() - startMs)}:`)
    await output.printLine(`${tables}, up to sequence number ${formatCount(sequence)}`)
  })
}

function textOf(progress: CheckpointProgress | undefined): string {
  return progress === undefined
    ? 'flushing'
    : `${formatCount(progress.doneTableCount)} of ${countOf(progress.tableCount, 'table')}`
}
