/** `varve import --from PACKAGE DIR`: the copy is the same, the source is untouched, and what cannot be is said. */
import { symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { VarveLevel } from '@varve/level'
import { ClassicLevel } from 'classic-level'
import { open } from 'varve'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { contentsOf } from '../harness/contents.ts'
import { fingerprint } from '../harness/scratch-directory.ts'
import { CliSandbox } from './cli-process.ts'

// Each test runs the program several times.
vi.setConfig({ testTimeout: 120_000 })

let sandbox: CliSandbox

beforeEach(() => {
  sandbox = new CliSandbox()
  // The user's project, in which the package is installed.
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), sandbox.path('node_modules'))
})

afterEach(() => sandbox.remove())

/** Keys and values of any bytes, large ones too, some in tables and some in the log alone. */
async function fillDatabase(
  database: ClassicLevel<Buffer, Buffer> | VarveLevel<Buffer, Buffer>,
): Promise<[string, string][]> {
  const put = Array.from({ length: 3000 }, (_, i): [Buffer, Buffer] => [
    Buffer.from([i >> 8, i & 0xff, 0, 0xff, 0xfe]),
    Buffer.alloc(i % 97 === 0 ? 5000 : i % 40, i),
  ])
  put.push(
    [Buffer.alloc(0), Buffer.from('of the empty key')],
    [Buffer.from([0xff]), Buffer.alloc(17 * 1024 * 1024, 'large')],
  )
  await database.batch(put.map(([key, value]) => ({ type: 'put', key, value })))
  await database.compactRange(Buffer.from([0]), Buffer.from([4]))
  await database.put(Buffer.from('in the log'), Buffer.from('alone'))
  await database.del(Buffer.from([0, 7, 0, 0xff, 0xfe]))
  const entries = await database.iterator().all()
  await database.close()
  return entries.map(([key, value]) => [key.toString('latin1'), value.toString('latin1')])
}

async function makeSmallDatabase(): Promise<void> {
  const database = new ClassicLevel(sandbox.path('old'))
  await database.put('key', 'value')
  await database.close()
}

test.each([
  { from: 'classic-level', Database: ClassicLevel<Buffer, Buffer> },
  { from: '@varve/level', Database: VarveLevel<Buffer, Buffer> },
])('a database of $from is copied and checked, and stays as it is', async ({ from, Database }) => {
  const source = sandbox.path('old')
  const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
  const entries = await fillDatabase(new Database(source, encodings))
  expect(entries.length).toBe(3002)
  const before = fingerprint(source)
  const { exitCode, out, err } = await sandbox.run(['import', 'old', '--from', from, '--directory', 'new'])
  // Progress goes there too, a line a second.
  expect({ exitCode, failed: err.includes('varve:') }).toEqual({ exitCode: 0, failed: false })
  expect(out).toMatch(/Copied 3,002 entries .*\nChecked: 3,002 entries with checksum [0-9a-f]{8}, the same in both\n/)
  expect(fingerprint(source)).toEqual(before)
  expect([...fingerprint(sandbox.directory).keys()].filter((name) => name.startsWith('.varve-import'))).toEqual([])
  const store = await open(sandbox.path('new'))
  expect(await contentsOf(store)).toEqual(entries)
  await store.close()
})

test('what cannot be copied is said in a line, and nothing is left behind', async () => {
  await makeSmallDatabase()
  writeFileSync(sandbox.path('file'), 'no directory')
  const failures = [
    { args: ['old', '--from', 'no-such-package'], says: 'no-such-package is not installed in ' },
    { args: ['old', '--from', 'tape'], says: 'tape exports no class of abstract-level databases' },
    { args: ['old', '--from', 'classic-level', '--export', 'Level'], says: 'exports no such class named Level' },
    { args: ['missing', '--from', 'classic-level'], says: 'missing: no such file or directory' },
    { args: ['file', '--from', 'classic-level'], says: 'file: a part of the path is not a directory' },
    { args: ['node_modules', '--from', 'classic-level'], says: 'there is nothing in node_modules' },
    { args: ['old', '--from', '@varve/level'], says: '@varve/level cannot open what is in old: ' },
  ]
  for (const { args, says } of failures) {
    const { exitCode, err } = await sandbox.run(['import', ...args, '--directory', 'new'])
    expect({ args, exitCode, err: err.includes(says) ? says : err }).toEqual({ args, exitCode: 1, err: says })
    expect(err.trimEnd().split('\n').length).toBe(1)
  }
  expect([...fingerprint(sandbox.directory).keys()].filter((name) => /^(new|\.varve)/.test(name))).toEqual([])
})

test('a store that holds something already is refused, and keeps it', async () => {
  await makeSmallDatabase()
  await sandbox.run(['put', 'mine', 'kept', '--directory', 'new'])
  const { exitCode, err } = await sandbox.run(['import', 'old', '--from', 'classic-level', '--directory', 'new'])
  expect(exitCode).toBe(1)
  expect(err).toContain('is not empty')
  expect((await sandbox.run(['scan', '--directory', 'new'])).out).toBe('mine\tkept\n')
})

test('--key or --from, not neither and not both', async () => {
  for (const args of [['old'], ['old', '--from', 'classic-level', '--key', 'id']]) {
    const { exitCode } = await sandbox.run(['import', ...args])
    expect(exitCode).toBe(2)
  }
})
