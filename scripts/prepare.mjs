// Installs and builds when there is something to install or build. A fresh clone has Node and npm alone.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runQuietly, toolScript } from './command.mjs'

const pnpm = 'pnpm@12.21.0'
const stampFile = join(root, 'node_modules', '.varve-install')

/** Installs the locked dependencies, unless those stand there. Resolves like `runQuietly`. */
export async function install(announce = () => {}) {
  const wanted = installStamp()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) {
    return { code: 0, output: '' }
  }
  announce('installing dependencies ...')
  // Removed first: an install that is interrupted must be done again.
  rmSync(stampFile, { force: true })
  const result = await runQuietly('npx', ['-y', pnpm, 'install', '--frozen-lockfile'])
  if (result.code === 0) {
    writeFileSync(stampFile, wanted)
  }
  return result
}

/** Builds one project with all that it refers to; without a name, everything. Resolves like `runQuietly`. */
export async function build(project = '.') {
  const compiled = await runQuietly(process.execPath, [toolScript('typescript', 'tsc'), '-b', project])
  return compiled.code === 0 ? runQuietly(process.execPath, [join(root, 'scripts', 'bundle.mjs')]) : compiled
}

/** Changes when what is installed would: with any manifest, the lockfile, the platform. */
function installStamp() {
  const members = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'package.json'))
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', join('test', 'package.json'), ...members]
  const hash = createHash('sha256').update(`${pnpm} ${process.platform} ${process.arch}`)
  for (const file of files.sort()) {
    const path = join(root, file)
    if (existsSync(path)) {
      hash.update(`\0${file}\0`).update(readFileSync(path))
    }
  }
  return hash.digest('hex')
}
