import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CorruptionError, IoError, isNotFound } from '../errors.ts'
import { readSmallFile, writeFully } from './file-io.ts'
import { createNodeEnv } from './node-env.ts'

const env = createNodeEnv()
const { files } = env
let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-node-env-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

const errorOf = async (run: () => unknown): Promise<unknown> => {
  try {
    await run()
  } catch (error) {
    return error
  }
  return undefined
}

test('a file is created once: neither a file nor a link that points nowhere is opened instead', async () => {
  const path = join(directory, '000001.sst')
  const file = await files.open(path, 'create')
  await writeFully(file, Buffer.from('first'), 0, 5, 0)
  await file.close()
  symlinkSync(join(directory, 'elsewhere'), join(directory, '000002.sst'))
  for (const name of ['000001.sst', '000002.sst']) {
    for (const run of [files.open.bind(files), files.openSync.bind(files)]) {
      const error = await errorOf(() => run(join(directory, name), 'create'))
      expect(error, name).toBeInstanceOf(IoError)
      expect(error, name).toMatchObject({ code: 'VARVE_IO', systemCode: 'EEXIST', path: join(directory, name) })
    }
  }
  expect(Buffer.from(await readSmallFile(files, path, 100)).toString()).toBe('first')
  expect(await files.kindOf(join(directory, 'elsewhere'))).toBe('missing')
})

test('only `create` makes a file', async () => {
  const path = join(directory, 'none')
  for (const mode of ['read', 'update'] as const) {
    for (const run of [files.open.bind(files), files.openSync.bind(files)]) {
      expect(isNotFound(await errorOf(() => run(path, mode))), mode).toBe(true)
    }
  }
  expect(await files.list(directory)).toEqual([])
})

test('"no such file" is told from every other failure', async () => {
  const path = join(directory, 'none')
  expect(isNotFound(await errorOf(() => files.remove(path)))).toBe(true)
  expect(isNotFound(await errorOf(() => files.sizeOf(path)))).toBe(true)
  expect(isNotFound(await errorOf(() => files.rename(path, join(directory, 'other'))))).toBe(true)
  expect(isNotFound(await errorOf(() => files.list(path)))).toBe(true)
  expect(isNotFound(await errorOf(() => files.syncDirectory(path)))).toBe(true)
  expect(isNotFound(await errorOf(() => files.open(directory, 'update')))).toBe(false)
  expect(isNotFound(Object.assign(new Error('ENOENT'), { code: 'ENOENT' }))).toBe(false)
})

test('files and directories are the user’s alone', async () => {
  const nested = join(directory, 'a', 'b')
  await files.makeDirectory(nested)
  await files.makeDirectory(nested)
  const file = await files.open(join(nested, 'x'), 'create')
  await file.close()
  if (process.platform !== 'win32') {
    expect(statSync(join(nested, 'x')).mode & 0o777).toBe(0o600)
    expect(statSync(nested).mode & 0o777).toBe(0o700)
  }
})

test('a file reads back what was written at its positions, in either way', async () => {
  const path = join(directory, 'x')
  const file = await files.open(path, 'create')
  expect(file.writeSync(Buffer.from('__hello'), 2, 5, 0)).toBe(5)
  expect(await file.write(Buffer.from('world__'), 0, 5, 5)).toBe(5)
  await file.dataSync()
  file.dataSyncSync()
  expect(file.sizeSync()).toBe(10)
  const into = Buffer.alloc(10, '.')
  expect(file.readSync(into, 1, 5, 3)).toBe(5)
  expect(into.toString()).toBe('.lowor....')
  expect(await file.read(into, 0, 10, 8)).toBe(2)
  expect(into.toString()).toBe('ldowor....')
  expect(await file.read(into, 0, 10, 10), 'at the end').toBe(0)
  await file.truncate(4)
  expect(await files.sizeOf(path)).toBe(4)
  await file.close()
  const update = files.openSync(path, 'update')
  expect(update.writeSync(Buffer.from('J'), 0, 1, 0)).toBe(1)
  update.closeSync()
  expect(Buffer.from(await readSmallFile(files, path, 10)).toString()).toBe('Jell')
})

test('a file opened to be read cannot be written, and the error names it', async () => {
  const path = join(directory, 'x')
  await (await files.open(path, 'create')).close()
  const file = await files.open(path, 'read')
  expect(await errorOf(() => file.write(Buffer.from('x'), 0, 1, 0))).toMatchObject({ systemCode: 'EBADF', path })
  expect(await errorOf(() => file.writeSync(Buffer.from('x'), 0, 1, 0))).toMatchObject({ systemCode: 'EBADF', path })
  await file.close()
})

test('what stands at a path is told without following links', async () => {
  const file = join(directory, 'file')
  await (await files.open(file, 'create')).close()
  symlinkSync(file, join(directory, 'link'))
  expect(await files.kindOf(directory)).toBe('directory')
  expect(await files.kindOf(file)).toBe('file')
  expect(await files.kindOf(join(directory, 'link'))).toBe('other')
  expect(await files.kindOf(join(directory, 'none'))).toBe('missing')
  expect(await files.kindOf(join(file, 'below a file'))).toBe('missing')
})

test('directories are synced, listed, renamed in and removed from', async () => {
  await (await files.open(join(directory, 'a'), 'create')).close()
  await files.rename(join(directory, 'a'), join(directory, 'b'))
  await files.syncDirectory(directory)
  files.syncDirectorySync(directory)
  expect(await files.list(directory)).toEqual(['b'])
  expect(await errorOf(() => files.removeDirectory(directory))).toBeInstanceOf(IoError)
  await files.remove(join(directory, 'b'))
  await files.removeDirectory(directory)
  expect(await files.kindOf(directory)).toBe('missing')
})

test('a lock excludes a second one, in this process too, until it is released', async () => {
  const path = join(directory, 'LOCK')
  const lock = await files.lock(path)
  expect(lock).toBeDefined()
  expect(Buffer.from(await readSmallFile(files, path, 32)).toString()).toBe(`${process.pid}\n`)
  expect(await files.lock(path)).toBeUndefined()
  expect(Buffer.from(await readSmallFile(files, path, 32)).toString(), 'the loser writes nothing').toBe(
    `${process.pid}\n`,
  )
  expect(await files.lock(path), 'and its going away releases nothing').toBeUndefined()
  await lock?.release()
  const next = await files.lock(path)
  expect(next).toBeDefined()
  await next?.release()
})

test('a lock is not taken through a link', async () => {
  if (process.platform !== 'win32') {
    symlinkSync(join(directory, 'elsewhere'), join(directory, 'LOCK'))
    expect(await errorOf(() => files.lock(join(directory, 'LOCK')))).toBeInstanceOf(CorruptionError)
    expect(await files.kindOf(join(directory, 'elsewhere'))).toBe('missing')
  }
})

test('time goes on, turns come, timers can be cancelled, chance has 32 bits', async () => {
  const before = env.clock.nowMs()
  const order: string[] = []
  const cancel = env.scheduler.after(1, () => order.push('cancelled'))
  cancel()
  env.scheduler.immediate(() => order.push('immediate'))
  order.push('now')
  await new Promise<void>((resolve) => env.scheduler.after(20, resolve))
  expect(order).toEqual(['now', 'immediate'])
  expect(env.clock.nowMs() - before).toBeGreaterThanOrEqual(15)
  const words = Array.from({ length: 64 }, () => env.random.uint32())
  expect(words.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32)).toBe(true)
  expect(words.some((word) => word >= 2 ** 31)).toBe(true)
  expect(new Set(words).size).toBeGreaterThan(60)
})

test('a link is a second name of one file, a copy is a file of its own', async () => {
  const [path, linked, copied] = ['original', 'linked', 'copied'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ]
  const file = await files.open(path, 'create')
  await writeFully(file, Buffer.from('before'), 0, 6, 0)
  await files.link(path, linked)
  await files.copy(path, copied)
  await writeFully(file, Buffer.from('behind'), 0, 6, 0)
  await file.close()
  expect(readFileSync(linked, 'utf8')).toBe('behind')
  expect(readFileSync(copied, 'utf8')).toBe('before')
  expect(statSync(linked).ino).toBe(statSync(path).ino)
  expect(statSync(copied).mode & 0o777).toBe(0o600)
  await files.remove(path)
  expect(readFileSync(linked, 'utf8')).toBe('behind')
})

test('neither a link nor a copy takes the place of anything', async () => {
  const [from, to] = [join(directory, 'from'), join(directory, 'to')]
  for (const run of [files.link.bind(files), files.copy.bind(files)]) {
    expect(isNotFound(await errorOf(() => run(from, to)))).toBe(true)
  }
  writeFileSync(from, 'new')
  writeFileSync(to, 'old')
  for (const run of [files.link.bind(files), files.copy.bind(files)]) {
    const error = await errorOf(() => run(from, to))
    expect(error).toBeInstanceOf(IoError)
    expect(error).toMatchObject({ code: 'VARVE_IO', systemCode: 'EEXIST', path: to })
  }
  expect(readFileSync(to, 'utf8')).toBe('old')
})
