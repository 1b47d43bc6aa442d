// Installs the stores that benchmarks compare with, into `packages/bench/peers`, at the versions of its lockfile. They are
// wanted by benchmarks alone: tests and users never install them. What fails to install is left out of the comparison.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runQuietly } from './command.mjs'

const directory = join(root, 'packages', 'bench', 'peers')
const installed = join(directory, 'node_modules')

/** Scripts of packages do not run, but for the one that has no binary of its own for every version of Node. */
const download = {
  name: 'download',
  text: 'installing the stores to compare with ...',
  args: ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
}
const compilation = {
  name: 'compilation',
  text: 'compiling better-sqlite3, once, for a minute or two ...',
  args: ['rebuild', 'better-sqlite3'],
}

/** Never fails: the benchmarks say which stores they found. What has failed is not tried again with the same versions. */
export async function installPeers(announce, { compiles }) {
  for (const step of compiles ? [download, compilation] : [download]) {
    await run(step, announce)
  }
}

async function run({ name, text, args }, announce) {
  const stampFile = join(installed, `.varve-${name}`)
  const wanted = stamp()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) {
    return
  }
  announce(text)
  const { code, output } = await runQuietly('npm', args, { cwd: directory })
  if (code !== 0) {
    process.stderr.write(output)
    announce(`npm ${args[0]} failed: what is not installed is left out`)
  }
  if (existsSync(installed)) {
    writeFileSync(stampFile, wanted)
  }
}

function stamp() {
  const hash = createHash('sha256').update(`${process.version} ${process.platform} ${process.arch}`)
  return hash.update(readFileSync(join(directory, 'package-lock.json'))).digest('hex')
}
