/** Files of a newer format are refused as such, not as damage, and are left alone. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { VarveError } from 'varve'
import { checksum } from '@varve/storage'
import { makeScratchDirectory } from '../harness/scratch-directory.ts'
import { copyStore, filesOf, makeStoreOfLogs, makeStoreOfTables, readAll } from '../corruption/damaged-store.ts'

const NEWER = 200

/** Manifests and logs begin alike: the format stands at 8, and at 28 the checksum of all before it. */
function makeHeaderNewer(file: string): void {
  const bytes = fs.readFileSync(file)
  bytes.writeUInt32LE(NEWER, 8)
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 28), 0), 28)
  fs.writeFileSync(file, bytes)
}

test.each([
  ['manifest', /^MANIFEST-/, makeStoreOfTables],
  ['log', /\.wal$/, makeStoreOfLogs],
] as const)('a %s of a newer format is VARVE_UNSUPPORTED, and nothing is touched', async (_what, pattern, make) => {
  const directory = path.join(makeScratchDirectory('newer'), 'store')
  const contents = await make(directory)
  for (const { name } of filesOf(directory).filter((file) => pattern.test(file.name))) {
    const copy = path.join(makeScratchDirectory('newer'), 'store')
    copyStore(directory, copy)
    makeHeaderNewer(path.join(copy, name))
    const newer = fs.readFileSync(path.join(copy, name))
    const error = await readAll(copy)
    expect(error).toBeInstanceOf(VarveError)
    expect(error).toMatchObject({ code: 'VARVE_UNSUPPORTED', message: expect.stringContaining(name) })
    expect(error).toMatchObject({ message: expect.stringContaining(String(NEWER)) })
    expect(fs.readFileSync(path.join(copy, name)).equals(newer)).toBe(true)
    fs.copyFileSync(path.join(directory, name), path.join(copy, name))
    expect(await readAll(copy)).toEqual(contents)
  }
})
