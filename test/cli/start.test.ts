// What a start without a command does: the sample data, once, whatever interrupts it.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliSandbox } from './cli-process.ts'

let sandbox: CliSandbox

beforeEach(() => {
  sandbox = new CliSandbox()
})

afterEach(() => sandbox.remove())

// Seconds where nothing else runs.
const timeoutMs = 90_000

const contents = /Contents: 135,234 keys/

test(
  'the first start loads the cities, the second one finds them',
  async () => {
    const first = await sandbox.run([])
    expect(first.exitCode).toBe(0)
    expect(first.out).toContain('Store in .varve-data, empty so far')
    expect(first.out).toMatch(/Loaded 135,233 cities \([^)]+\) in .*: [\d,]+ puts\/s/)
    expect(first.out).toMatch(contents)
    expect(first.out).toMatch(/Point look-ups: 5,000 random keys, .* each, .*, all found/)
    expect(first.out).toMatch(/Prefix scan of city\/..\/: [\d,]+ entr/)
    expect(first.out).toContain('write amplification')
    // No terminal, no bar: plain text alone.
    expect(first.out + first.err).not.toContain('\u001b')

    const second = await sandbox.run([])
    expect(second.exitCode).toBe(0)
    expect(second.err).toBe('')
    expect(second.out).not.toContain('Load')
    expect(second.out).toMatch(contents)
    expect(second.out).toContain('all found')

    const scan = await sandbox.run(['scan', '--prefix', 'city/IS/', '--keys'])
    expect(scan.out.split('\n')).toContain('city/IS/Reykjavík/3413829')
    const reader = sandbox.start('scan')
    await reader.shown('city/AD/')
    reader.closeOutput()
    expect(await reader.result).toMatchObject({ exitCode: 0, err: '' })
  },
  timeoutMs,
)

test(
  'a load that was killed, then interrupted, is finished by the next start',
  async () => {
    const killed = sandbox.start()
    await killed.shown('Loading 135,233 cities')
    killed.kill('SIGKILL')
    await killed.result

    const interrupted = sandbox.start()
    await interrupted.shown('Loading ')
    interrupted.kill('SIGINT')
    const { exitCode, err } = await interrupted.result
    expect(exitCode).toBe(130)
    expect(err).toMatch(/varve: interrupted: [\d,]+ of 135,233 cities are stored; the next start loads the rest\n$/)

    const next = await sandbox.run([])
    expect(next.exitCode).toBe(0)
    expect(next.out).toMatch(contents)
    expect(next.out).toContain('Loaded')
  },
  timeoutMs,
)

test('a store that holds something else is shown as it is', async () => {
  await sandbox.run(['put', 'user/1', 'Ada', '--directory', 'mine'])
  const { exitCode, out } = await sandbox.run(['--directory', 'mine'])
  expect(exitCode).toBe(0)
  expect(out).toContain('Contents: 1 key')
  expect(out).toContain('user/1  Ada')
  expect(out).not.toContain('Loading')
})
