/** The project's documents, and the few parts of Markdown that tests look at. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Paths of all documents, relative to the root. */
export function documentPaths(): string[] {
  const isDocument = (name: string): boolean => name.endsWith('.md')
  const own = readdirSync(root).filter(isDocument)
  const guides = readdirSync(join(root, 'docs')).filter(isDocument)
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name))
  return [
    ...own,
    ...guides.map((name) => join('docs', name)),
    ...packages.flatMap((path) =>
      namesIn(path)
        .filter(isDocument)
        .map((name) => join(path, name)),
    ),
  ]
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** What stands between a heading and the next one of the same depth or above. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
  if (start < 0) {
    throw new Error(`there is no heading "${heading}"`)
  }
  const depth = (lines[start] ?? '').indexOf(' ')
  const isEnd = (line: string): boolean => /^#+ /.test(line) && line.indexOf(' ') <= depth
  const length = lines.slice(start + 1).findIndex(isEnd)
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n')
}

/** The first fenced block of a language. */
export function codeBlock(text: string, language: string): string {
  const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(text)?.[1]
  if (block === undefined) {
    throw new Error(`there is no block of ${language}`)
  }
  return block
}

function withoutCodeBlocks(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '')
}

/** The first table. */
export function table(text: string): Table {
  const [head, , ...rows] = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
  if (head === undefined || rows.length === 0) {
    throw new Error('there is no table')
  }
  return { head, rows }
}

/** Everything between backticks, outside of fenced blocks. */
export function codeSpans(text: string): string[] {
  return [...withoutCodeBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, span]) => span ?? '')
}

/** Where links lead that do not lead to another host. */
export function relativeLinks(text: string): string[] {
  return [...withoutCodeBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
}

/** The anchors of a document's headings. */
export function anchors(text: string): string[] {
  return [...withoutCodeBlocks(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    (heading ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** `16 MiB` as a number, or a plain number. */
export function sizeOf(text: string): number {
  const [, count, unit = ''] = /^(\d+)(?: (KiB|MiB|GiB))?$/.exec(text) ?? []
  if (count === undefined) {
    throw new Error(`"${text}" is no size`)
  }
  return Number(count) * { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }[unit as '' | 'KiB' | 'MiB' | 'GiB']
}

function namesIn(path: string): string[] {
  return readdirSync(join(root, path))
}
