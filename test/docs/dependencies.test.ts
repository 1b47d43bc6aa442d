// Users' machines run nothing when Varve is installed, and every dependency is accounted for.
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { codeSpans, readDocument, root, section, table } from './documents.ts'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const packageDirectories = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest
}

function dependenciesOf(manifest: Manifest): string[] {
  return Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
}

/** Where a dependency of the package in `directory` is installed; optional ones for other platforms are not. */
function directoryOf(dependency: string, directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', dependency)
    if (existsSync(candidate)) {
      return realpathSync(candidate)
    }
    if (at === dirname(at)) {
      return undefined
    }
  }
}

/** The package in `directory` and all that it needs to run, by directory. */
function closure(directory: string, found = new Map<string, Manifest>()): Map<string, Manifest> {
  if (!found.has(directory)) {
    const manifest = readManifest(directory)
    found.set(directory, manifest)
    for (const dependency of dependenciesOf(manifest)) {
      const next = directoryOf(dependency, directory)
      if (next !== undefined) {
        closure(next, found)
      }
    }
  }
  return found
}

test('nothing that is published, nor what it depends on, runs a script when it is installed', () => {
  const found = new Map<string, Manifest>()
  for (const directory of packageDirectories.filter((path) => readManifest(path).private !== true)) {
    closure(realpathSync(directory), found)
  }
  expect(found.size).toBeGreaterThan(10)
  for (const [directory, { name, scripts = {} }] of found) {
    const run = Object.keys(scripts).filter((script) => /^(pre|post)?install$/.test(script))
    // npm builds a package with this file even if it has no script.
    expect({ name, run, isBuilt: existsSync(join(directory, 'binding.gyp')) }).toEqual({
      name,
      run: [],
      isBuilt: false,
    })
  }
})

test('ARCHITECTURE.md gives the reason for every dependency, and for no other', () => {
  const { rows } = table(section(readDocument('ARCHITECTURE.md'), 'Dependencies'))
  const own = new Set(packageDirectories.map((directory) => readManifest(directory).name))
  const used = packageDirectories.flatMap((directory) => dependenciesOf(readManifest(directory)))
  const wanted = new Set(used.filter((name) => !own.has(name)))
  expect(new Set(rows.map(([name = '']) => codeSpans(name)[0]))).toEqual(wanted)
})
