import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Interruption } from './interruption.ts'
import { Output } from './output.ts'
import { run } from './program.ts'

let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-program-'))
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Outcome {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

async function outcomeOf(...args: string[]): Promise<Outcome> {
  return await outcomeWith(new Interruption(), ...args)
}

async function outcomeWith(interruption: Interruption, ...args: string[]): Promise<Outcome> {
  const results = new PassThrough()
  const notes = new PassThrough()
  const exitCode = await run(args, {
    output: new Output(results, notes),
    interruption,
    progressStream: notes,
  })
  return { exitCode, out: String(results.read() ?? ''), err: String(notes.read() ?? '') }
}

test.each([
  [['frobnicate'], "varve: unknown command 'frobnicate'\n"],
  [['improt'], "varve: unknown command 'improt'\n(Did you mean import?)\n"],
  [['--frobnicate'], "varve: unknown option '--frobnicate'\n"],
  [['--directory'], "varve: option '-d, --directory <dir>' argument missing\n"],
  [['get', 'a', '--directory', ''], expect.stringContaining('must not be empty')],
  [['get'], "varve: missing required argument 'key'\n"],
  [['get', 'a', 'b'], expect.stringContaining('too many arguments')],
  [['put', 'a'], "varve: missing required argument 'value'\n"],
  [['import', 'x.csv'], "varve: required option '-k, --key <field>' not specified\n"],
  [['import', 'x.csv', '--key', 'a', '--format', 'xml'], expect.stringContaining('Allowed choices are ndjson, csv')],
  [['import', 'x.csv', '--key', 'a', '--delimiter', '::'], expect.stringContaining('one ASCII character')],
  [['scan', '--limit', 'many'], expect.stringContaining('a whole number')],
  [['scan', '--limit', '-1'], expect.stringContaining('a whole number')],
  [['checkpoint'], "varve: missing required argument 'target'\n"],
  [['destroy'], expect.stringContaining('add --yes')],
])('wrong usage %j exits with 2', async (args, message) => {
  expect(await outcomeOf(...args)).toEqual({ exitCode: 2, out: '', err: message })
})

test('a file whose name does not tell the format needs --format', async () => {
  const file = join(directory, 'data.txt')
  writeFileSync(file, '')
  const { exitCode, err } = await outcomeOf('import', file, '--key', 'id', '--directory', join(directory, 'unused'))
  expect({ exitCode, err }).toEqual({ exitCode: 2, err: expect.stringContaining('add --format ndjson or csv') })
})

test.each([['get', 'a'], ['delete', 'a'], ['scan'], ['stats'], ['compact'], ['checkpoint', 'copy'], ['verify']])(
  '%s needs a store that is there',
  async (...args) => {
    const missing = join(directory, 'missing')
    const { exitCode, out, err } = await outcomeOf(...args, '--directory', missing)
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toContain(`no store in ${missing}`)
  },
)

test('help names every command, and every command has help with an example', async () => {
  const { exitCode, out } = await outcomeOf('--help')
  expect(exitCode).toBe(0)
  for (const command of [
    'show',
    'import',
    'get',
    'put',
    'delete',
    'scan',
    'stats',
    'compact',
    'checkpoint',
    'verify',
    'repair',
    'destroy',
  ]) {
    expect(out).toContain(`  ${command} `)
    const help = await outcomeOf(command, '--help')
    expect(help.exitCode).toBe(0)
    expect(help.out).toContain('--directory <dir>')
    expect(help.out).toMatch(/Examples[^]*varve/)
  }
})

test('--version is that of the package', async () => {
  expect(await outcomeOf('--version')).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
})

test('entries go in and out, with the option before or after the command', async () => {
  const store = join(directory, 'entries')
  expect(await outcomeOf('put', 'b', 'two', '--directory', store)).toEqual({ exitCode: 0, out: '', err: '' })
  expect(await outcomeOf('--directory', store, 'put', 'a', 'one')).toMatchObject({ exitCode: 0 })
  expect(await outcomeOf('-d', store, 'put', '--', '-c', '-3')).toMatchObject({ exitCode: 0 })
  expect(await outcomeOf('get', 'a', '-d', store)).toEqual({ exitCode: 0, out: 'one\n', err: '' })
  expect(await outcomeOf('scan', '-d', store)).toMatchObject({ out: '-c\t-3\na\tone\nb\ttwo\n' })
  expect(await outcomeOf('scan', '-d', store, '--keys', '--reverse', '--limit', '2')).toMatchObject({ out: 'b\na\n' })
  expect(await outcomeOf('scan', '-d', store, '--json', '--gt', 'a')).toMatchObject({
    out: '{"key":"b","value":"two"}\n',
  })
  expect(await outcomeOf('scan', '-d', store, '--limit', '0')).toMatchObject({ exitCode: 0, out: '' })
  expect(await outcomeOf('delete', 'a', '-d', store)).toEqual({ exitCode: 0, out: '', err: '' })
  expect(await outcomeOf('get', 'a', '-d', store)).toEqual({ exitCode: 1, out: '', err: 'varve: no such key: a\n' })
  const stats: unknown = JSON.parse((await outcomeOf('stats', '-d', store, '--json')).out)
  expect(stats).toHaveProperty('levels')
})

test.each([
  [['checkpoint', 'copy'], 'no checkpoint was made'],
  [['verify'], 'the store was not verified to its end'],
])('%j, interrupted, says so and leaves the store alone', async ([command = '', ...args], message) => {
  const parent = join(directory, command)
  const store = join(parent, 'store')
  await outcomeOf('put', 'a', 'one', '--directory', store)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const others = signals.flatMap((signal) => process.listeners(signal))
  const interruption = new Interruption()
  interruption.listen()
  try {
    process.emit('SIGINT', 'SIGINT')
    const targets = args.map((name) => join(parent, name))
    expect(await outcomeWith(interruption, command, ...targets, '--directory', store)).toEqual({
      exitCode: 130,
      out: '',
      err: `varve: interrupted: ${message}\n`,
    })
  } finally {
    for (const signal of signals) {
      const own = process.listeners(signal).filter((listener) => !others.includes(listener))
      own.forEach((listener) => process.off(signal, listener))
    }
  }
  expect(readdirSync(parent)).toEqual(['store'])
  expect(await outcomeOf('get', 'a', '--directory', store)).toMatchObject({ exitCode: 0, out: 'one\n' })
})
