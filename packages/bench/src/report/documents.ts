/** The files that a report becomes. All follow from `results.json`, so that they can be made again and compared. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../command-line.ts'
import { renderMarkdown, renderReadmeTable } from './markdown.ts'
import { renderPage } from './page.ts'
import type { Report } from './report.ts'

export const RESULTS_FILE = 'results.json'
const START_MARK = '<!-- benchmarks: made by npm run bench -- --render -->'
const END_MARK = '<!-- end of benchmarks -->'

/** Single measurements stay out: what follows from them is in the figures. */
export async function writeReport(report: Report, directory: string): Promise<void> {
  const { measurements: _, ...figures } = report
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, RESULTS_FILE), `${JSON.stringify(figures, undefined, 1)}\n`)
  await renderInto(directory)
}

/** Makes the readable files beside a `results.json` anew. */
export async function renderInto(directory: string): Promise<void> {
  const report = await readReport(join(directory, RESULTS_FILE))
  await writeFile(join(directory, 'README.md'), renderMarkdown(report))
  await writeFile(join(directory, 'index.html'), renderPage(report))
}

/** @throws UsageError when it is not a report */
export async function readReport(path: string): Promise<Report> {
  try {
    const report = JSON.parse(await readFile(path, 'utf8')) as Partial<Report>
    if (report.environment === undefined || report.workloads === undefined || report.stores === undefined) {
      throw new Error('parts of it are missing')
    }
    return report as Report
  } catch (error) {
    throw new UsageError(`${path} is no report: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/** Puts the table of a report between the marks of another document. */
export async function updateReadme(path: string, report: Report): Promise<void> {
  await writeFile(path, withTable(await readFile(path, 'utf8'), report))
}

/** @throws UsageError when the marks are not there */
export function withTable(document: string, report: Report): string {
  const start = document.indexOf(START_MARK)
  const end = document.indexOf(END_MARK)
  if (start < 0 || end < start) {
    throw new UsageError(`there must be '${START_MARK}' and then '${END_MARK}' in the document`)
  }
  return `${document.slice(0, start)}${START_MARK}\n\n${renderReadmeTable(report)}\n\n${document.slice(end)}`
}
