import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliSandbox } from './cli-process.ts'
import type { CliResult } from './cli-process.ts'

let sandbox: CliSandbox

beforeEach(() => {
  sandbox = new CliSandbox()
})

afterEach(() => sandbox.remove())

function importing(name: string, content: string, ...args: string[]): Promise<CliResult> {
  writeFileSync(sandbox.path(name), content)
  return sandbox.run(['import', name, ...args])
}

const scan = async (...args: string[]): Promise<string> => (await sandbox.run(['scan', ...args])).out

test('NDJSON: dotted key, prefix, the later of two wins, the record as it stands', async () => {
  const lines = ['{"m":{"id":7},"n":1.0}', '{"m":{"id":"é"}}', '{"m":{"id":7}, "n":2.0}']
  const { exitCode, out, err } = await importing(
    'a.jsonl',
    `\uFEFF${lines.join('\r\n')}`,
    '--key',
    'm.id',
    '--prefix',
    'x/',
  )
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
  expect(out).toMatch(/^Importing a\.jsonl into \.varve-data\nImported 3 records /)
  expect(out).toContain('Contents: 2 keys')
  expect(await scan()).toBe(`x/7\t${lines[2]}\nx/é\t${lines[1]}\n`)
})

test('CSV: quotes, line ends within them, a column as the key', async () => {
  const { exitCode, out } = await importing(
    'a.csv',
    'name,id\r\n"Ada\nL.",1\r\n"say ""hi""",2\r\n',
    '--key',
    'id',
    '--sync',
  )
  expect(exitCode).toBe(0)
  expect(out).toContain('Imported 2 records')
  expect(await scan('--json')).toBe(
    [1, 2]
      .map((id) =>
        JSON.stringify({
          key: `${id}`,
          value: JSON.stringify({ name: id === 1 ? 'Ada\nL.' : 'say "hi"', id: `${id}` }),
        }),
      )
      .join('\n') + '\n',
  )
})

test('standard input, NDJSON and CSV', async () => {
  expect(await sandbox.run(['import', '-', '--key', 'id'], '{"id":"a"}\n')).toMatchObject({ exitCode: 0, err: '' })
  const csv = await sandbox.run(['import', '-', '--key', 'id', '--format', 'csv', '--delimiter', ';'], 'id;n\nb;1\n')
  expect(csv).toMatchObject({ exitCode: 0, err: '' })
  expect(await scan()).toBe('a\t{"id":"a"}\nb\t{"id":"b","n":"1"}\n')
})

test('many records arrive whole and in order', async () => {
  const lines = Array.from(
    { length: 20_000 },
    (_, index) =>
      `{"id":"${createHash('md5')
        .update(`${index % 15_000}`)
        .digest('hex')}","n":${index}}`,
  )
  const { exitCode, out } = await importing('many.ndjson', lines.join('\n'), '--key', 'id')
  expect(exitCode).toBe(0)
  expect(out).toContain('Imported 20,000 records')
  const latest = new Map(lines.map((line) => [line.slice(7, 39), line]))
  const wanted = [...latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, line]) => `${key}\t${line}\n`)
  expect(await scan()).toBe(wanted.join(''))
})

test('bad lines are numbered, counted and left out', async () => {
  const bad = Array.from({ length: 25 }, () => 'nonsense')
  const long = `{"id":"${'k'.repeat(65_537)}"}`
  const { exitCode, out, err } = await importing(
    'a.ndjson',
    ['{"id":"a"}', '', ...bad, long, '{"id":"b"}'].join('\n'),
    '--key',
    'id',
  )
  expect(exitCode).toBe(0)
  expect(out).toContain('Imported 2 records')
  expect(out).toContain('26 bad lines left out')
  const complaints = err.trimEnd().split('\n')
  expect(complaints).toHaveLength(21)
  expect(complaints[0]).toMatch(/^varve: line 3: not JSON: /)
  expect(complaints[19]).toMatch(/^varve: line 22: /)
  expect(complaints[20]).toBe('varve: ... and 6 more bad lines')
})

test('a key with its prefix may have 64 KiB, and no more', async () => {
  const content = `{"id":"${'k'.repeat(65_534)}"}\n{"id":"${'k'.repeat(65_535)}"}`
  const { exitCode, out, err } = await importing('a.ndjson', content, '--key', 'id', '--prefix', 'p/')
  expect({ exitCode, err }).toEqual({
    exitCode: 0,
    err: 'varve: line 2: the key has 65,537 bytes; at most 65,536 are allowed\n',
  })
  expect(out).toContain('Imported 1 record ')
})

test('--strict stops at the first bad line; what came before is kept', async () => {
  const { exitCode, err } = await importing('a.csv', 'id,n\na,1\nb,2\nc\nd,4\n', '--key', 'id', '--strict')
  expect(exitCode).toBe(1)
  expect(err).toBe(
    'varve: line 4: has 1 column, the header 2\n' +
      'varve: stopped at the first bad line, as --strict asks; 2 records imported before that are kept\n',
  )
  expect(await scan('--keys')).toBe('a\nb\n')
})

test('a file without one usable line is a failure', async () => {
  const { exitCode, err } = await importing('a.ndjson', '{"x":1}\n{"x":2}\n', '--key', 'id')
  expect(exitCode).toBe(1)
  expect(err).toContain('varve: line 2: no field "id"\nvarve: no record was imported')
})

test('an interrupted import keeps what it had and says so; meanwhile the store is locked', async () => {
  const importer = sandbox.start('import', '-', '--key', 'id')
  importer.write(Array.from({ length: 1000 }, (_, index) => `{"id":${index}}\n`).join(''))
  await importer.shown('1,000 records')

  const locked = await sandbox.run(['get', '1'])
  expect(locked).toMatchObject({ exitCode: 1, out: '' })
  expect(locked.err).toMatch(/^varve: .*\n$/)
  expect(locked.err).toContain(`process ${importer.pid}`)

  importer.kill('SIGTERM')
  expect(await importer.result).toMatchObject({
    exitCode: 143,
    err: expect.stringContaining('varve: interrupted: 1,000 records imported before that are kept'),
  })
  expect(await sandbox.run(['get', '999'])).toMatchObject({ exitCode: 0, out: '{"id":999}\n' })
})
