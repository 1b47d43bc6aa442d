/**
 * A copy of the built packages in a directory of its own, in which single files are changed and put back. What is copied,
 * and loaded, are the modules as tsc wrote them, not their bundles.
 */
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
      const bundle = join(source, 'dist', 'bundle')
      fs.cpSync(join(source, 'dist'), join(target, 'dist'), { recursive: true, filter: (path) => path !== bundle })
      const manifest = fs.readFileSync(join(source, 'package.json'), 'utf8')
      fs.writeFileSync(join(target, 'package.json'), manifest.replace('./dist/bundle/index.js', './dist/index.js'))
      this.#linkDependencies(join(source, 'node_modules'))
    }
  }

  /** Plants a bug for as long as `run` takes. @throws if a text that it replaces is not there exactly once */
  async with<T>(bug: PlantedBug, run: () => Promise<T>): Promise<T> {
    const planted = plant(bug, (file) => this.#read(file))
    const originals = [...planted.keys()].map((file) => [file, this.#read(file)] as const)
    try {
      planted.forEach((text, file) => this.#write(file, text))
      return await run()
    } finally {
      originals.forEach(([file, text]) => this.#write(file, text))
    }
  }

  #read(file: string): string {
    return fs.readFileSync(join(this.#modules, file), 'utf8')
  }

  #write(file: string, text: string): void {
    fs.writeFileSync(join(this.#modules, file), text)
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

/** @throws if a text that the bug replaces is not in the build, exactly once */
export function checkPlantable(bug: PlantedBug): void {
  plant(bug, (file) => {
    const [name, folder] = PACKAGES.find(([own]) => file.startsWith(`${own}/`)) ?? [file, file]
    return fs.readFileSync(join(ROOT, 'packages', folder, file.slice(name.length)), 'utf8')
  })
}

/** The files that are changed, by name, with the bug in them. */
function plant({ name, replacements }: PlantedBug, read: (file: string) => string): Map<string, string> {
  const planted = new Map<string, string>()
  for (const { file, search, replacement } of replacements) {
    const parts = (planted.get(file) ?? read(file)).split(search)
    if (parts.length !== 2) {
      throw new Error(`"${name}": ${file} has ${parts.length - 1} places with: ${search}`)
    }
    planted.set(file, parts.join(replacement))
  }
  return planted
}
