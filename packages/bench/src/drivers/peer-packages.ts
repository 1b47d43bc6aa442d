/**
 * The packages that are compared with. Those that only benchmarks need stand in `packages/bench/peers`, with a lockfile
 * of their own, and are installed by `npm run bench` alone: tests need neither them nor a compiler.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const requireOwn = createRequire(import.meta.url)
const requireFromPeers = createRequire(new URL('../../peers/package.json', import.meta.url))

/** @throws MODULE_NOT_FOUND when it is not installed, or what the package throws without a binary for this platform */
export function requirePeer(packageName: string): unknown {
  return requireFromPeers(packageName) as unknown
}

/**
 * The version of a package as it is installed, here or among the peers.
 * @throws MODULE_NOT_FOUND when it is not installed
 */
export function installedVersion(packageName: string): string {
  let manifest: unknown
  try {
    manifest = requireOwn(`${packageName}/package.json`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') {
      throw error
    }
    // Not every peer exports its manifest.
    const path = fileURLToPath(new URL(`../../peers/node_modules/${packageName}/package.json`, import.meta.url))
    manifest = JSON.parse(readManifest(path, packageName))
  }
  return String((manifest as { readonly version?: unknown }).version)
}

function readManifest(path: string, packageName: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw Object.assign(new Error(`${packageName} is not installed`, { cause: error }), { code: 'MODULE_NOT_FOUND' })
  }
}
