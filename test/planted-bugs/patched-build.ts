/** A copy of the built packages in a directory of its own, in which single files are changed and put back. */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PlantedBug } from './planted-bug.ts'

const PACKAGES: readonly (readonly [name: string, folder: string])[] = [
  ['varve', 'engine'],
  ['@varve/storage', 'storage'],
  ['@varve/workers', 'workers'],
]
const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

export class PatchedBuild {
  readonly #modules: string

  /** Copies the packages, with links to what they depend on, to `directory`. */
  constructor(directory: string) {
    this.#modules = join(directory, 'node_modules')
    for (const [name, folder] of PACKAGES) {
      const source = join(ROOT, 'packages', folder)
      const target = join(this.#modules, name)
      fs.mkdirSync(target, { recursive: true })
      fs.cpSync(join(source, 'dist'), join(target, 'dist'), { recursive: true })
      fs.cpSync(join(source, 'package.json'), join(target, 'package.json'))
      this.#linkDependencies(join(source, 'node_modules'))
    }
  }

  /** Plants a bug for as long as `run` takes. @throws if a text that it replaces is not there exactly once */
  async with<T>({ name, replacements }: PlantedBug, run: () => Promise<T>): Promise<T> {
    const originals = new Map<string, string>()
    try {
      for (const { file, search, replacement } of replacements) {
        const path = join(this.#modules, file)
        const text = fs.readFileSync(path, 'utf8')
        originals.set(path, originals.get(path) ?? text)
        const parts = text.split(search)
        if (parts.length !== 2) {
          throw new Error(`"${name}": ${file} has ${parts.length - 1} places with: ${search}`)
        }
        fs.writeFileSync(path, parts.join(replacement))
      }
      return await run()
    } finally {
      originals.forEach((text, path) => fs.writeFileSync(path, text))
    }
  }

  #linkDependencies(modules: string): void {
    for (const name of listModules(modules).filter((each) => !PACKAGES.some(([own]) => own === each))) {
      const target = join(this.#modules, name)
      fs.mkdirSync(dirname(target), { recursive: true })
      if (!fs.existsSync(target)) {
        fs.symlinkSync(fs.realpathSync(join(modules, name)), target)
      }
    }
  }
}

function listModules(directory: string): string[] {
  const names = fs.readdirSync(directory).filter((name) => !name.startsWith('.'))
  return names.flatMap((name) =>
    name.startsWith('@') ? fs.readdirSync(join(directory, name)).map((inner) => `${name}/${inner}`) : name,
  )
}
