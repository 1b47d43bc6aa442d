/** The limit of memory: a load with default options stays below it, whatever its size. */
import { writeFile } from 'node:fs/promises'
import type { Job, MemoryResult } from './child/job.ts'
import { spawnJob } from './child/spawn-job.ts'
import type { Settings } from './command-line.ts'
import { WorkDirectory } from './comparison/work-directory.ts'
import { describeEnvironment } from './report/environment.ts'

const MIB = 1024 * 1024
/** Beyond what a bare Node process takes. */
const LIMIT_SIZE_BYTES = 300 * MIB

/** Resolves to the exit code: 1 when the limit is exceeded. */
export async function runMemoryCheck(settings: Settings): Promise<number> {
  const { entryCount, seed, valueSizeBytes, cacheSizeBytes, jsonFile } = settings
  const work = await WorkDirectory.create(settings.directory)
  try {
    const bare = await watch({ type: 'bare' })
    const loaded = await work.withFresh(undefined, (directory) =>
      watch({ type: 'memory', store: 'varve', directory, entryCount, seed, valueSizeBytes, cacheSizeBytes }),
    )
    const beyondSizeBytes = loaded.peakResidentSizeBytes - bare.peakResidentSizeBytes
    const isWithinLimit = beyondSizeBytes <= LIMIT_SIZE_BYTES
    console.log(
      [
        `${entryCount} entries in ${(loaded.elapsedMs / 1000).toFixed(1)} s, default options, batches of 1000`,
        `bare Node process      peak ${inMib(bare.peakResidentSizeBytes)}`,
        `with the load          peak ${inMib(loaded.peakResidentSizeBytes)}, median ${inMib(loaded.medianResidentSizeBytes)}`,
        `beyond the bare one         ${inMib(beyondSizeBytes)}, limit ${inMib(LIMIT_SIZE_BYTES)}: ${isWithinLimit ? 'ok' : 'exceeded'}`,
      ].join('\n'),
    )
    if (jsonFile !== undefined) {
      const environment = await describeEnvironment()
      const report = { environment, entryCount, seed, limitSizeBytes: LIMIT_SIZE_BYTES, beyondSizeBytes, bare, loaded }
      await writeFile(jsonFile, `${JSON.stringify(report, undefined, 2)}\n`)
    }
    return isWithinLimit ? 0 : 1
  } finally {
    await work.remove()
  }
}

async function watch(job: Job): Promise<MemoryResult> {
  const result = await spawnJob(job)
  if (result?.type !== 'memory') {
    throw new Error(`a load answered with a result of type ${result?.type}`)
  }
  return result
}

function inMib(sizeBytes: number): string {
  return `${(sizeBytes / MIB).toFixed(0)} MiB`
}
