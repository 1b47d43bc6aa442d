/** What `npm run bench` does: compares stores or commits, renders a report, or checks the limit of memory. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { JobError } from './child/spawn-job.ts'
import { HELP, UsageError, parseCommandLine, type Settings } from './command-line.ts'
import { compareCommits } from './commits/commit-comparison.ts'
import { Comparison } from './comparison/comparison.ts'
import { findStores } from './comparison/installed-stores.ts'
import { WorkDirectory } from './comparison/work-directory.ts'
import { proveDurability } from './durability/durability-proof.ts'
import { runMemoryCheck } from './memory-check.ts'
import { RESULTS_FILE, readReport, renderInto, updateReadme, writeReport } from './report/documents.ts'
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
    return await runMode(settings)
  } catch (error) {
    if (error instanceof UsageError) {
      note(error.message)
      return 2
    }
    note(messageOf(error))
    return 1
  }
}

async function runMode(settings: Settings): Promise<number> {
  switch (settings.mode) {
    case 'memory':
      return await runMemoryCheck(settings)
    case 'commits':
      return await compareCommits(settings, note)
    case 'render':
      return await renderAgain(settings)
    case 'comparison':
      return await runComparison(settings)
  }
}

async function renderAgain({ renderedDirectory, readmeFile }: Settings): Promise<number> {
  const directory = renderedDirectory ?? '.'
  await renderInto(directory)
  if (readmeFile !== undefined) {
    await updateReadme(readmeFile, await readReport(join(directory, RESULTS_FILE)))
  }
  return 0
}

async function runComparison(settings: Settings): Promise<number> {
  const { present, absent } = await findStores(settings.storeNames)
  for (const { name, reason } of absent) {
    note(`${name} is left out: ${reason}`)
  }
  const work = await WorkDirectory.create(settings.directory)
  try {
    const names = [...present.keys()]
    const proofs = settings.provesDurability ? await proveDurability(names, work, note) : []
    const measurements = await new Comparison(settings, names, work, note).run()
    const report = buildReport({
      environment: await describeEnvironment(),
      settings,
      stores: [...present.values()],
      absentStores: absent,
      proofs,
      measurements,
    })
    console.log(renderMarkdown(report))
    if (settings.jsonFile !== undefined) {
      await writeFile(settings.jsonFile, `${JSON.stringify(report, undefined, 2)}\n`)
    }
    if (settings.reportDirectory !== undefined) {
      await writeReport(report, settings.reportDirectory)
    }
    if (settings.readmeFile !== undefined) {
      await updateReadme(settings.readmeFile, report)
    }
    return report.failures.length === 0 ? 0 : 1
  } finally {
    await work.remove()
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error)
  }
  const isDiskFull = error instanceof JobError ? error.isDiskFull : (error as NodeJS.ErrnoException).code === 'ENOSPC'
  if (isDiskFull) {
    return `the disk is full: use fewer --entries, or --directory on another disk\n${error.message}`
  }
  return error instanceof JobError ? error.message : (error.stack ?? error.message)
}

/** Progress goes to standard error: standard output belongs to the report. */
function note(text: string): void {
  console.error(`bench: ${text}`)
}
