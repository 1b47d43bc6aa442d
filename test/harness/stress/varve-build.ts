/** The store under test: the one that is built here, or the copy in the directory that `VARVE_BUILD` names. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { connect, open } from 'varve'

export interface Varve {
  readonly open: typeof open
  readonly connect: typeof connect
}

export async function loadVarve(): Promise<Varve> {
  const directory = process.env['VARVE_BUILD']
  if (directory === undefined) {
    return await import('varve')
  }
  const entry = path.join(directory, 'node_modules', 'varve', 'dist', 'index.js')
  return (await import(pathToFileURL(entry).href)) as Varve
}
