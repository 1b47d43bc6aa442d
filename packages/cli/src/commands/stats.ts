/** `varve stats`: what is on each level and what holds memory. */
import type { StoreStats } from 'varve'
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { formatCount, formatSize } from '../quantity.ts'
import { renderLevels, renderShape, renderTable, renderWrites } from '../report.ts'

export interface StatsOptions {
  readonly json?: boolean
}

export async function showStats(context: CommandContext, { json = false }: StatsOptions): Promise<void> {
  const stats = await withStore(context, { create: false }, async (store) => store.stats())
  await context.output.printLine(json ? JSON.stringify(stats, undefined, 2) : renderStats(stats))
}

function renderStats(stats: StoreStats): string {
  const memory = Object.entries(stats.memory.kinds).map(([kind, { sizeBytes, count, pinnedBy }]) => [
    kind,
    formatSize(sizeBytes),
    formatCount(count),
    pinnedBy,
  ])
  memory.push(['all', formatSize(stats.memory.totalSizeBytes), '', ''])
  const parts = [
    renderLevels(stats),
    renderShape(stats),
    renderTable(['memory', 'size', 'count', 'held by'], memory, ['left', 'right', 'right', 'left']),
    renderWrites(stats),
    `Last sequence number: ${formatCount(stats.sequence)}`,
  ]
  return parts.filter((part) => part !== undefined).join('\n')
}
