/**
 * Files are private to their owner, and nothing in a store's directory leads out of it: links are not followed, and what
 * is no file does not keep anybody waiting.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { destroy, open, repair } from 'varve'
import { contentsOf, fill } from '../harness/contents.ts'
import { FailingExecutor } from '../harness/executors.ts'
import { codeOf } from '../harness/rejection.ts'
import { fingerprint, makeScratchDirectory, scratchStorePath } from '../harness/scratch-directory.ts'

const OPTIONS = { memtableSizeBytes: 64 * 1024, createIfMissing: false } as const

/** A closed store with a table and a log that holds writes. */
async function makeStore(): Promise<string> {
  const directory = scratchStorePath('security')
  const store = await open(directory, { ...OPTIONS, createIfMissing: true })
  await fill(store, 50)
  await store.flush()
  await store.close()
  const failing = await open(directory, OPTIONS, { executor: new FailingExecutor() })
  failing.on('error', () => undefined)
  await fill(failing, 50, 20, 'later')
  await failing.close()
  return directory
}

/** The first file of a kind, of logs one with writes. */
function fileOf(directory: string, part: string): string {
  const sizeBytesMin = part === '.wal' ? 33 : 1
  const name = fs
    .readdirSync(directory)
    .find((each) => each.includes(part) && fs.statSync(path.join(directory, each)).size >= sizeBytesMin)
  if (name === undefined) {
    throw new Error(`there is no ${part} in ${directory}`)
  }
  return path.join(directory, name)
}

const FILES = ['CURRENT', 'MANIFEST-', '.sst', '.wal'] as const

test('files of all kinds are for their owner alone, lost/ too', async () => {
  const before = process.umask(0)
  try {
    const directory = await makeStore()
    const table = fileOf(directory, '.sst')
    fs.truncateSync(table, 100)
    expect((await repair(directory)).wasDamaged).toBe(true)
    const store = await open(directory, OPTIONS)
    await store.put('key', 'value', { sync: true })
    const seen = new Set<string>()
    for (const name of ['', ...fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })]) {
      const stat = fs.statSync(path.join(directory, name))
      seen.add(path.extname(name) || name)
      expect(`${name} ${(stat.mode & 0o777).toString(8)}`).toBe(`${name} ${stat.isDirectory() ? '700' : '600'}`)
    }
    await store.close()
    for (const kind of ['', 'CURRENT', 'LOCK', 'lost', '.sst', '.wal']) {
      expect([...seen]).toContain(kind)
    }
  } finally {
    process.umask(before)
  }
})

describe.each(FILES)('in the place of %s', (part) => {
  test('a link to the same bytes elsewhere is damage, and what it leads to is not touched', async () => {
    const directory = await makeStore()
    const outside = makeScratchDirectory('outside')
    const file = fileOf(directory, part)
    fs.renameSync(file, path.join(outside, 'bytes'))
    fs.symlinkSync(path.join(outside, 'bytes'), file)
    const untouched = fingerprint(outside)
    const error = await open(directory, OPTIONS).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', path: file, offset: 0 })
    expect((await repair(directory)).wasDamaged).toBe(true)
    await (await open(directory, OPTIONS)).close()
    await destroy(directory)
    expect(fingerprint(outside)).toEqual(untouched)
  })

  test('a pipe or a directory is damage, and nobody waits for it', async () => {
    for (const make of [(file: string) => execFileSync('mkfifo', [file]), (file: string) => fs.mkdirSync(file)]) {
      const directory = await makeStore()
      const file = fileOf(directory, part)
      fs.rmSync(file)
      make(file)
      const error = await open(directory, OPTIONS).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', path: file, offset: 0 })
      expect((await repair(directory)).wasDamaged).toBe(true)
      await (await open(directory, OPTIONS)).close()
    }
  })
})

test('a device in the place of CURRENT is not read', async () => {
  const directory = await makeStore()
  const file = path.join(directory, 'CURRENT')
  fs.rmSync(file)
  fs.symlinkSync('/dev/zero', file)
  expect(await codeOf(open(directory, OPTIONS))).toBe('VARVE_CORRUPTION')
})

test('a link or a pipe in the place of LOCK is refused, and nothing is written through it', async () => {
  for (const make of [
    (lock: string, outside: string) => fs.symlinkSync(path.join(outside, 'file'), lock),
    (lock: string) => void execFileSync('mkfifo', [lock]),
  ]) {
    const directory = await makeStore()
    const outside = makeScratchDirectory('outside')
    fs.writeFileSync(path.join(outside, 'file'), 'precious')
    fs.rmSync(path.join(directory, 'LOCK'))
    make(path.join(directory, 'LOCK'), outside)
    for (const call of [open, repair, destroy]) {
      expect(await codeOf(call(directory))).toBe('VARVE_CORRUPTION')
    }
    expect(fs.readFileSync(path.join(outside, 'file'), 'utf8')).toBe('precious')
  }
})

test('a link in the place of lost/ is not followed', async () => {
  const directory = await makeStore()
  const outside = makeScratchDirectory('outside')
  fs.writeFileSync(path.join(outside, 'file'), 'precious')
  fs.symlinkSync(outside, path.join(directory, 'lost'))
  const untouched = fingerprint(outside)
  fs.truncateSync(fileOf(directory, '.sst'), 100)
  const error = await repair(directory).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', path: path.join(directory, 'lost') })
  await destroy(directory)
  expect(fs.existsSync(directory)).toBe(false)
  expect(fingerprint(outside)).toEqual(untouched)
})

test('the directory itself may be a link', async () => {
  const directory = await makeStore()
  const link = path.join(makeScratchDirectory('link'), 'link')
  fs.symlinkSync(directory, link)
  const store = await open(link, OPTIONS)
  expect(await codeOf(open(directory, OPTIONS))).toBe('VARVE_LOCKED')
  expect(await contentsOf(store)).toHaveLength(100)
  await store.close()
  expect((await repair(link)).wasDamaged).toBe(false)
  await destroy(link)
  expect(fs.readdirSync(directory)).toEqual([])
})

test('CURRENT cannot name anything but a manifest in the directory', async () => {
  const directory = await makeStore()
  for (const name of ['../MANIFEST-000001', '/etc/passwd', 'MANIFEST-000001/../../x', '000001.sst', 'MANIFEST-1']) {
    fs.writeFileSync(path.join(directory, 'CURRENT'), `${name} 00000000\n`)
    expect(await codeOf(open(directory, OPTIONS))).toBe('VARVE_CORRUPTION')
  }
})
