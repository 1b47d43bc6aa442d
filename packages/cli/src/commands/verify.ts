/** `varve verify`: reads everything, prints what is wrong, and fails if anything is. */
import type { VerifyProgress, VerifyReport } from 'varve'
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure, throwInterrupted } from '../failure.ts'
import { printable } from '../printable.ts'
import { withProgress } from '../progress.ts'
import { countOf, formatCount, formatDuration, formatSize } from '../quantity.ts'
import { tableSizeBytes } from '../report.ts'

export async function verify(context: CommandContext): Promise<void> {
  const { output, interruption, progressStream } = context
  await withStore(context, { create: false }, async (store) => {
    const total = tableSizeBytes(store.stats())
    let progress: VerifyProgress | undefined
    const onProgress = (next: VerifyProgress): void => void (progress = next)
    const report = await withProgress(
      progressStream,
      () => ({ value: progress?.doneSizeBytes ?? 0, total, text: textOf(progress) }),
      () => store.verify({ signal: interruption.signal, onProgress }),
    ).catch((error: unknown) => throwInterrupted(error, interruption, 'the store was not verified to its end'))
    for (const { path, offset, what } of report.findings) {
      await output.printLine(`${printable(path)}, offset ${formatCount(offset)}: ${printable(what)}`)
    }
    await output.printLine(`Verified ${summaryOf(report)}`)
    if (report.findings.length > 0) {
      throw new CommandFailure(`the store is damaged: ${countOf(report.findings.length, 'finding')}`)
    }
    await output.printLine('Nothing is wrong')
  })
}

function summaryOf({ tableCount, entryCount, sizeBytes, durationMs }: VerifyReport): string {
  const tables = `${countOf(tableCount, 'table')} (${countOf(entryCount, 'entry', 'entries')}, ${formatSize(sizeBytes)})`
  return `${tables}, the manifest and the logs in ${formatDuration(durationMs)}`
}

function textOf(progress: VerifyProgress | undefined): string {
  if (progress === undefined) {
    return 'manifest and logs'
  }
  const findings = progress.findingCount === 0 ? '' : `, ${countOf(progress.findingCount, 'finding')}`
  return `${formatCount(progress.doneTableCount)} of ${countOf(progress.tableCount, 'table')}${findings}`
}
