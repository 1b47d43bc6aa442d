/**
 * Shows what the acknowledged writes of a store survive, instead of believing its documentation.
 *
 * 1. A process writes entries, awaits each, and kills itself with SIGKILL: another one must find all of them.
 * 2. It runs under strace. With one writer each write that is durable when it resolves costs at least one sync; fewer
 *    syncs than writes refute the class. With many writers, their number shows how many writes share one.
 */
import { readFile, rm } from 'node:fs/promises'
import type { DurabilityCheckJob, DurabilityWriteJob } from '../child/job.ts'
import { spawnJob } from '../child/spawn-job.ts'
import type { WorkDirectory } from '../comparison/work-directory.ts'
import { isVolatile, type StoreName } from '../drivers/stores.ts'
import { verdictOf, type DurabilityProof } from './durability-verdict.ts'
import { countSyncs, hasStrace, straceCommand } from './sync-trace.ts'

const WRITE_COUNT = 200
const WRITER_COUNTS = [1, 64] as const

export async function proveDurability(
  stores: readonly StoreName[],
  work: WorkDirectory,
  note: (text: string) => void,
): Promise<DurabilityProof[]> {
  const canTrace = await hasStrace()
  if (!canTrace) {
    note('strace cannot run here: that writes survive the loss of power is not proved')
  }
  const proofs: DurabilityProof[] = []
  for (const store of stores.filter((name) => !isVolatile(name))) {
    for (const durability of ['process', 'power'] as const) {
      for (const writerCount of WRITER_COUNTS) {
        proofs.push(await proveOne(work, { store, durability, writerCount, writeCount: WRITE_COUNT }, canTrace))
      }
      note(
        `writes of ${store} survive ${durability === 'process' ? 'the death of the process' : 'the loss of power'}: ${verdictOf(proofs, store, durability)}`,
      )
    }
  }
  return proofs
}

async function proveOne(
  work: WorkDirectory,
  what: Pick<DurabilityProof, 'store' | 'durability' | 'writerCount' | 'writeCount'>,
  canTrace: boolean,
): Promise<DurabilityProof> {
  const traceFile = work.path('trace')
  return await work.withFresh(undefined, async (directory) => {
    const writing: DurabilityWriteJob = { type: 'durability-write', directory, ...what }
    const wrapper = canTrace ? straceCommand(traceFile) : []
    await spawnJob(writing, { wrapper, expectedSignal: 'SIGKILL' })
    const counts = canTrace ? countSyncs(await readFile(traceFile, 'latin1')) : undefined
    await rm(traceFile, { force: true })
    const checking: DurabilityCheckJob = { ...writing, type: 'durability-check' }
    const checked = await spawnJob(checking)
    if (checked?.type !== 'durability-check') {
      throw new Error(`a check of durability answered with a result of type ${checked?.type}`)
    }
    return {
      ...what,
      foundCount: checked.foundCount,
      syncCount: counts === undefined ? undefined : counts.syncCount + counts.syncedWriteCount,
    }
  })
}
