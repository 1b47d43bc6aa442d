// Documents name what exists: files, folders, scripts, links.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchors, codeSpans, documentPaths, readDocument, relativeLinks, root, section, table } from './documents.ts'

const IGNORED = new Set(['node_modules', 'dist', '.git'])

/** Paths of the project's own files and folders, with slashes, folders with one at their end. */
function ownPaths(directory = root): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => !IGNORED.has(entry.name))
    .flatMap((entry) => {
      const path = join(directory, entry.name)
      const name = relative(root, path).split(sep).join('/')
      return entry.isDirectory() ? [`${name}/`, ...ownPaths(path)] : [name]
    })
}

const paths = ownPaths()

/** Whether it names a file or folder, by the end of its path. */
const exists = (name: string): boolean => paths.some((path) => path === name || path.endsWith(`/${name}`))

/** Spans that can only be a file of the project or a folder of it. */
function namedPaths(text: string): string[] {
  return codeSpans(text).filter((span) => /^[\w./-]+\.(ts|mjs|yaml|json)$|^\.?[\w-]+(\/[\w-]+)*\/$/.test(span))
}

/** Names that stand in a store's directory, and in examples. */
const NOT_OURS = new Set(['lost/', 'test/example.mjs', 'name.test.ts'])

describe.each(documentPaths())('%s', (path) => {
  const text = readDocument(path)

  test('names files and folders that exist', () => {
    expect(namedPaths(text).filter((name) => !NOT_OURS.has(name) && !exists(name))).toEqual([])
  })

  test('links lead somewhere', () => {
    const broken = relativeLinks(text).filter((link) => {
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : join(dirname(path), file)
      return (
        !existsSync(join(root, target)) || (anchor !== undefined && !anchors(readDocument(target)).includes(anchor))
      )
    })
    expect(broken).toEqual([])
  })

  test('scripts are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
    const run = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? '')
    expect(run.filter((name) => !(name in scripts))).toEqual([])
  })

  test('lines are no longer than those of the code, but for tables and links', () => {
    const isLong = (line: string): boolean => line.length > 120 && !line.startsWith('|')
    expect(text.split('\n').filter(isLong)).toEqual([])
  })
})

test('ARCHITECTURE.md names every folder of sources', () => {
  const text = readDocument('ARCHITECTURE.md')
  const isSourceFolder = (path: string): boolean =>
    /^packages\/(storage|workers|engine|level)\/src\/[\w-]+\/$/.test(path)
  const folders = paths.filter((path) => isSourceFolder(path) && basename(path) !== 'test-support')
  expect(folders.length).toBeGreaterThan(10)
  expect(folders.filter((path) => !text.includes(`\`${path.replace('packages/', '')}`))).toEqual([])
})

test('CONTRIBUTING.md lists the variables of the environment that tests read, and no other', () => {
  const { rows } = table(section(readDocument('CONTRIBUTING.md'), 'Tests').replace(/^[^]*variables of the/, ''))
  const read = paths
    .filter((path) => /^(test|packages\/.*test-support)\/.*\.ts$/.test(path) && !path.startsWith('test/docs/'))
    .flatMap((path) => [...readDocument(path).matchAll(/(?:process\.env\[|environmentCount\()'(VARVE_\w+)'/g)])
    .map(([, name]) => name)
  expect(new Set(rows.map(([name = '']) => codeSpans(name)[0]))).toEqual(new Set(read))
})
