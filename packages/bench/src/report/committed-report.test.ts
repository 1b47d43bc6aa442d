/** What is committed under docs/benchmarks and in the README follows from the results that are committed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readReport, withTable } from './documents.ts'
import { renderMarkdown } from './markdown.ts'
import { renderPage } from './page.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const directory = join(root, 'docs', 'benchmarks')
const HOW = 'npm run bench -- --render docs/benchmarks --readme README.md'

test(`the documents are those of the results: ${HOW}`, async () => {
  const report = await readReport(join(directory, 'results.json'))
  expect(readFileSync(join(directory, 'README.md'), 'utf8')).toBe(renderMarkdown(report))
  // Not `toBe`: a difference of two pages of this size takes long to show.
  expect(readFileSync(join(directory, 'index.html'), 'utf8') === renderPage(report)).toBe(true)
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  expect(readme).toBe(withTable(readme, report))
})
