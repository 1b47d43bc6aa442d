/** `varve repair`: makes of what can be read in a damaged store one that opens, and says what is lost. */
import { resolve } from 'node:path'
import { repair } from 'varve'
import type { LostPart, RepairReport } from 'varve'
import type { CommandContext } from '../command-context.ts'
import { printable } from '../printable.ts'
import { countOf, formatCount } from '../quantity.ts'

/** What is lost is no failure of the command: the store opens afterwards. */
export async function repairStore(context: CommandContext): Promise<void> {
  const { output } = context
  const report = await repair(context.directory)
  const directory = resolve(context.directory)
  if (!report.wasDamaged) {
    await output.printLine(`Nothing to repair in ${directory}: ${summary(report)}`)
    return
  }
  await output.printLine(`Repaired the store in ${directory}: ${summary(report)}`)
  for (const fault of report.faults) {
    await output.printLine(`Fault: ${fault}`)
  }
  if (report.wasRebuilt) {
    await output.printLine('No manifest was whole: the tables were merged, and the newest version of each key won.')
  }
  await output.printLine(report.lost.length === 0 ? 'Nothing that is known of is lost.' : 'Lost:')
  for (const part of report.lost) {
    await output.printLine(`  ${part.fileName}: ${describePart(part)}`)
    await output.printLine(`    ${part.reason}`)
  }
  if (report.setAsideNames.length > 0) {
    await output.printLine(`Moved to lost/: ${report.setAsideNames.join(' ')}`)
  }
}

function summary({ tableCount, entryCount }: RepairReport): string {
  return `${countOf(tableCount, 'table')} with ${countOf(entryCount, 'entry', 'entries')}`
}

function describePart({ smallestKey, largestKey, firstSequence, lastSequence }: LostPart): string {
  if (firstSequence !== undefined) {
    return lastSequence === undefined
      ? `writes from sequence number ${formatCount(firstSequence)} on, if there were any`
      : `writes ${formatCount(firstSequence)} to ${formatCount(lastSequence)}`
  }
  if (smallestKey === undefined && largestKey === undefined) {
    return 'which keys is not known'
  }
  const from = smallestKey === undefined ? 'the first key' : printable(smallestKey)
  const to = largestKey === undefined ? 'the last key' : printable(largestKey)
  return `keys from ${from} to ${to}`
}
