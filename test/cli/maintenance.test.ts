// checkpoint and verify: what they print, how they end, what they leave.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliSandbox } from './cli-process.ts'

let sandbox: CliSandbox

beforeEach(async () => {
  sandbox = new CliSandbox()
  const lines = Array.from({ length: 2000 }, (_, i) => JSON.stringify({ id: i, text: 'x'.repeat(50) }))
  expect(await sandbox.run(['import', '-', '--key', 'id'], lines.join('\n'))).toMatchObject({ exitCode: 0 })
})

afterEach(() => sandbox.remove())

/** What was said on standard error; on a slow machine there are lines of progress besides. */
function complaintsIn(err: string): string {
  return err.replaceAll(/^ {2}.*\n/gm, '')
}

test('a checkpoint is a store, and the original may go', async () => {
  const made = await sandbox.run(['checkpoint', 'backup/monday'])
  expect({ ...made, err: complaintsIn(made.err) }).toMatchObject({ exitCode: 0, err: '' })
  expect(made.out).toMatch(
    /^Made a checkpoint in .*backup\/monday in .*:\n1 table \(.* KiB\), up to sequence number 2,000\n$/,
  )
  expect(await sandbox.run(['destroy', '--yes'])).toMatchObject({ exitCode: 0 })
  expect(await sandbox.run(['get', '7', '-d', 'backup/monday'])).toMatchObject({ exitCode: 0 })
  const verified = await sandbox.run(['verify', '-d', 'backup/monday'])
  expect({ ...verified, err: complaintsIn(verified.err) }).toMatchObject({ exitCode: 0, err: '' })
  expect(verified.out).toMatch(
    /^Verified 1 table \(2,000 entries, .* KiB\), the manifest and the logs in .*\nNothing is wrong\n$/,
  )
})

test('a directory that exists, or is inside of the store, is refused', async () => {
  for (const target of ['.', '.varve-data/copy']) {
    const { exitCode, out, err } = await sandbox.run(['checkpoint', target])
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toMatch(/^varve: [^\n]+\n$/)
  }
  expect(readdirSync(sandbox.directory)).toEqual(['.varve-data'])
})

test('verify prints each finding, and fails', async () => {
  const name = readdirSync(sandbox.path('.varve-data')).find((each) => each.endsWith('.sst')) ?? ''
  const file = sandbox.path(join('.varve-data', name))
  const bytes = readFileSync(file)
  bytes[5000] = (bytes[5000] ?? 0) ^ 1
  writeFileSync(file, bytes)
  writeFileSync(sandbox.path(join('.varve-data', 'notes.txt')), '')
  const { exitCode, out, err } = await sandbox.run(['verify'])
  expect({ exitCode, err: complaintsIn(err) }).toEqual({
    exitCode: 1,
    err: 'varve: the store is damaged: 2 findings\n',
  })
  const lines = out.trimEnd().split('\n')
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatch(/notes\.txt, offset 0: nothing names this file$/)
  expect(lines[1]).toMatch(new RegExp(`${name}, offset [\\d,]+: the checksum of a block is wrong$`))
  expect(lines[2]).toMatch(/^Verified /)
})
