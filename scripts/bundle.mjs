// The end of the build: the modules that tsc wrote to a package's dist become one file for each entry in dist/bundle, which
// the package's manifest names. Node takes one to two milliseconds to load a module, in each process and each thread.
// Packages stay outside of each other, so that a class is the same one for all of them.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from './command.mjs'

/** What is loaded of each package: its interface, its program, or what its threads run. */
const ENTRIES = {
  storage: ['index.js'],
  workers: ['index.js', 'threads/job-worker.js'],
  engine: ['index.js'],
  level: ['index.js'],
  cli: ['main.js'],
}

/** Source maps lead on to the sources that tsc read. */
const tscOutput = {
  name: 'tsc-output',
  load(id) {
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }
  },
}

async function bundle(name, entries) {
  const dist = join(root, 'packages', name, 'dist')
  const input = Object.fromEntries(entries.map((file) => [basename(file, '.js'), join(dist, file)]))
  const build = await rolldown({ input, platform: 'node', external: /^[^./]/, plugins: [tscOutput] })
  const names = { entryFileNames: '[name].js', chunkFileNames: '[name].js' }
  const { output } = await build.generate({ dir: join(dist, 'bundle'), format: 'es', sourcemap: true, ...names })
  await build.close()
  writeChanged(join(dist, 'bundle'), output)
}

/** What runs from the directory meanwhile finds each file whole, unless it has changed. */
function writeChanged(directory, output) {
  mkdirSync(directory, { recursive: true })
  const names = new Set(output.map((file) => file.fileName))
  for (const stale of readdirSync(directory).filter((name) => !names.has(name))) {
    rmSync(join(directory, stale))
  }
  for (const file of output) {
    const path = join(directory, file.fileName)
    const content = file.type === 'chunk' ? file.code : file.source
    if (!existsSync(path) || readFileSync(path, 'utf8') !== content) {
      writeFileSync(path, content)
    }
  }
}

for (const [name, entries] of Object.entries(ENTRIES)) {
  // A build of one project alone leaves out what it does not need.
  if (entries.every((file) => existsSync(join(root, 'packages', name, 'dist', file)))) {
    await bundle(name, entries)
  }
}
