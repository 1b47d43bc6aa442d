import { createRequire } from 'node:module'

/** The version of a package as it is installed here. */
export function packageVersion(packageName: string): string {
  const manifest: unknown = createRequire(import.meta.url)(`${packageName}/package.json`)
  return String((manifest as { readonly version?: unknown }).version)
}
