/** A report as one page with charts, which can be looked at without a network: the library stands in the page. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { STALL_MS } from './markdown.ts'
import type { Report } from './report.ts'

export function renderPage(report: Report): string {
  const library = join(dirname(createRequire(import.meta.url).resolve('chart.js')), 'chart.umd.min.js')
  const parts: Readonly<Record<string, string>> = {
    head: renderHead(report),
    report: embedded(report),
    library: readFileSync(library, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'),
    charts: pageFile('charts.js').trimEnd(),
  }
  return pageFile('page.html').replaceAll(/"?__([A-Z]+)__"?/g, (_, name: string) => {
    const part = parts[name.toLowerCase()]
    assert(part !== undefined, `the page has no part ${name}`)
    return part
  })
}

function pageFile(name: string): string {
  return readFileSync(new URL(`../../page/${name}`, import.meta.url), 'utf8')
}

/** What the charts draw; single measurements are not part of it. */
function embedded({ stores, workloads }: Report): string {
  return JSON.stringify({ stallMs: STALL_MS, stores, workloads }).replaceAll('<', String.raw`\u003c`)
}

function renderHead({ environment, settings, stores, absentStores }: Report): string {
  const items = [
    `Node ${environment.node}, ${environment.platform}, ${environment.cpuCount} x ${environment.cpu}`,
    `commit ${environment.commit}, ${environment.date}`,
    `${settings.entryCount} entries, values of ${settings.valueSizeBytes} B, seed ${settings.seed}, rounds ${settings.roundCount}`,
    stores.map(({ name, version }) => `${name} ${version}`).join(', '),
    ...absentStores.map(({ name, reason }) => `${name} is left out: ${reason}`),
  ]
  const note = settings.isQuick ? '<p class="note">A quick run of small stores: the form, not the figures.</p>\n' : ''
  return `${note}<ul>\n${items.map((item) => `<li>${escaped(item)}</li>`).join('\n')}\n</ul>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
