/** What `npm run bench` does: compares stores, or checks the limit of memory. */
import { writeFile } from 'node:fs/promises'
import { JobError } from './child/spawn-job.ts'
import { HELP, UsageError, parseCommandLine, type Settings } from './command-line.ts'
import { Comparison } from './comparison/comparison.ts'
import { findStores } from './comparison/installed-stores.ts'
import { WorkDirectory } from './comparison/work-directory.ts'
import { runMemoryCheck } from './memory-check.ts'
import { describeEnvironment } from './report/environment.ts'
import { renderMarkdown } from './report/markdown.ts'
import { buildReport } from './report/report.ts'

/** Resolves to the exit code; what goes wrong has been told by then. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    const settings = parseCommandLine(args)
    if (settings.wantsHelp) {
      console.log(HELP)
      return 0
    }
    return settings.mode === 'memory' ? await runMemoryCheck(settings) : await runComparison(settings)
  } catch (error) {
    if (error instanceof UsageError) {
      note(error.message)
      return 2
    }
    note(error instanceof JobError ? messageOf(error) : String(error instanceof Error ? error.stack : error))
    return 1
  }
}

async function runComparison(settings: Settings): Promise<number> {
  const { present, absent } = await findStores(settings.storeNames)
  for (const { name, reason } of absent) {
    note(`${name} is left out: ${reason}`)
  }
  const work = await WorkDirectory.create(settings.directory)
  try {
    const measurements = await new Comparison(settings, [...present.keys()], work, note).run()
    const report = buildReport({
      environment: await describeEnvironment(),
      settings,
      stores: [...present.values()],
      absentStores: absent,
      measurements,
    })
    console.log(renderMarkdown(report))
    if (settings.jsonFile !== undefined) {
      await writeFile(settings.jsonFile, `${JSON.stringify(report, undefined, 2)}\n`)
    }
    return report.failures.length === 0 ? 0 : 1
  } finally {
    await work.remove()
  }
}

function messageOf(error: JobError): string {
  return error.isDiskFull
    ? `the disk is full: use fewer --entries, or --directory on another disk\n${error.message}`
    : error.message
}

/** Progress goes to standard error: standard output belongs to the report. */
function note(text: string): void {
  console.error(`bench: ${text}`)
}
