// Whatever goes wrong is one line on standard error, without a stack, and an exit code.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliSandbox } from './cli-process.ts'

let sandbox: CliSandbox

beforeEach(() => {
  sandbox = new CliSandbox()
})

afterEach(() => sandbox.remove())

async function expectFailure(args: readonly string[], exitCode: number, message: string): Promise<void> {
  const result = await sandbox.run(args)
  expect({ exitCode: result.exitCode, out: result.out }).toEqual({ exitCode, out: '' })
  expect(result.err).toMatch(/^varve: [^\n]+\n$/)
  expect(result.err).toContain(message)
}

test('unknown command', () => expectFailure(['frobnicate'], 2, "unknown command 'frobnicate'"))

test('missing file', () => expectFailure(['import', 'none.csv', '--key', 'id'], 1, 'no such file: '))

test('a directory given as a file', async () => {
  mkdirSync(sandbox.path('folder.csv'))
  await expectFailure(['import', 'folder.csv', '--key', 'id'], 1, 'folder.csv is a directory')
})

test('a file given as the directory of a store', async () => {
  writeFileSync(sandbox.path('file'), 'text')
  await expectFailure(['put', 'a', 'b', '--directory', 'file'], 1, 'file')
  await expectFailure(['get', 'a', '--directory', 'file'], 1, 'file')
  await expectFailure(['destroy', '--yes', '--directory', 'file'], 1, 'file')
})

test('a key beyond 64 KiB', () => expectFailure(['put', 'k'.repeat(65_537), 'v'], 1, '65'))

test('a damaged store names its file', async () => {
  await sandbox.run(['put', 'a', '1'])
  writeFileSync(sandbox.path(join('.varve-data', 'CURRENT')), 'nonsense\n')
  await expectFailure(['get', 'a'], 1, 'CURRENT')
  await expectFailure(['stats'], 1, 'CURRENT')
})

test('a directory that holds something else is left alone', async () => {
  mkdirSync(sandbox.path('photos'))
  writeFileSync(sandbox.path(join('photos', 'a.jpg')), '')
  await expectFailure(['--directory', 'photos'], 1, 'a.jpg')
  await expectFailure(['destroy', '--yes', '--directory', 'photos'], 1, 'photos')
  expect(readdirSync(sandbox.path('photos'))).toEqual(['a.jpg'])
})

test('destroy asks for --yes, then deletes the store', async () => {
  await sandbox.run(['put', 'a', '1'])
  await expectFailure(['destroy'], 2, 'add --yes')
  expect(await sandbox.run(['get', 'a'])).toMatchObject({ exitCode: 0, out: '1\n' })
  expect(await sandbox.run(['destroy', '--yes'])).toMatchObject({ exitCode: 0, err: '' })
  await expectFailure(['get', 'a'], 1, 'no store in')
})

test('repair says what is lost, and the store opens again', async () => {
  await sandbox.run(['put', 'a', '1'])
  await sandbox.run(['put', 'b', '2'])
  const intact = await sandbox.run(['repair'])
  expect(intact).toMatchObject({ exitCode: 0, err: '' })
  expect(intact.out).toMatch(/^Nothing to repair in .*: 2 tables with 2 entries\n$/)
  const store = sandbox.path('.varve-data')
  const [table = ''] = readdirSync(store).filter((name) => name.endsWith('.sst'))
  writeFileSync(join(store, table), 'nonsense')
  writeFileSync(join(store, 'CURRENT'), 'nonsense\n')
  await expectFailure(['get', 'a'], 1, 'CURRENT')
  const repaired = await sandbox.run(['repair'])
  expect(repaired).toMatchObject({ exitCode: 0, err: '' })
  expect(repaired.out).toMatch(/^Repaired the store in .*: 1 table with 1 entry\nFault: .*CURRENT.*\nLost:\n/)
  expect(repaired.out).toContain(`  ${table}: keys from a to a\n`)
  expect(repaired.out).toMatch(new RegExp(`Moved to lost/: .*${table}`))
  expect(await sandbox.run(['get', 'b'])).toMatchObject({ exitCode: 0, out: '2\n' })
  await expectFailure(['repair', '--directory', 'none'], 1, 'none')
})

test('compact and stats', async () => {
  await sandbox.run(['put', 'a', '1'])
  await sandbox.run(['delete', 'a'])
  const compacted = await sandbox.run(['compact'])
  expect(compacted).toMatchObject({ exitCode: 0, err: '' })
  expect(compacted.out).toMatch(/^Compacted /)
  const stats = await sandbox.run(['stats'])
  expect(stats).toMatchObject({ exitCode: 0, err: '' })
  expect(stats.out).toContain('Last sequence number')
})
