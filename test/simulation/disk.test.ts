/** What a crash may leave of a disk, and what it may not. */
import { expect, test } from 'vitest'
import type { PowerLoss } from './crash-state.ts'
import { diskAfter, type SimulatedDisk } from './disk.ts'
import { SimulatedEnv } from './simulated-env.ts'

const SEEDS = Array.from({ length: 300 }, (_, seed) => seed)

/** An Env whose directory /d is durable. */
async function envWithDirectory(): Promise<SimulatedEnv> {
  const env = new SimulatedEnv(1)
  await env.run(env.files.makeDirectory('/d'))
  env.files.syncDirectorySync('/')
  return env
}

function text(disk: SimulatedDisk, path: string): string | undefined {
  const bytes = disk.image().get(path)
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1')
}

function write(env: SimulatedEnv, path: string, ...parts: string[]): void {
  const file = env.files.openSync(path, 'create')
  parts.forEach((part) => file.writeSync(Buffer.from(part), 0, part.length, file.sizeSync()))
  file.closeSync()
}

/** Everything that the file may hold after a loss of power; `missing` if it may not be there. */
function outcomes(env: SimulatedEnv, path: string, kept: PowerLoss['kept']): Set<string> {
  const snapshot = env.disk.snapshot()
  return new Set(SEEDS.map((seed) => text(diskAfter(snapshot, { kept, seed }), path) ?? 'missing'))
}

test('a file whose data was synced is lost with its entry, and a synced entry without synced data is empty', async () => {
  const env = await envWithDirectory()
  const file = env.files.openSync('/d/a', 'create')
  file.writeSync(Buffer.from('data'), 0, 4, 0)
  file.dataSyncSync()
  expect(outcomes(env, '/d/a', 'nothing')).toEqual(new Set(['missing']))
  expect(outcomes(env, '/d/a', 'subset')).toEqual(new Set(['missing', 'data']))
  env.files.syncDirectorySync('/d')
  expect(outcomes(env, '/d/a', 'subset')).toEqual(new Set(['data']))
  write(env, '/d/b', 'data')
  env.files.syncDirectorySync('/d')
  expect(outcomes(env, '/d/b', 'nothing')).toEqual(new Set(['']))
  expect(outcomes(env, '/d/b', 'everything')).toEqual(new Set(['data']))
})

test('a sync covers what was written when it began', async () => {
  const env = await envWithDirectory()
  const file = env.files.openSync('/d/a', 'create')
  env.files.syncDirectorySync('/d')
  file.writeSync(Buffer.from('1'), 0, 1, 0)
  const synced = file.dataSync()
  file.writeSync(Buffer.from('2'), 0, 1, 1)
  expect(text(env.disk.losePower({ kept: 'nothing', seed: 1 }), '/d/a')).toBe('')
  await env.run(synced)
  expect(text(env.disk.losePower({ kept: 'nothing', seed: 1 }), '/d/a')).toBe('1')
  expect(text(env.disk, '/d/a')).toBe('12')
})

test('each unsynced write may be lost alone, torn, or its length kept without its bytes', async () => {
  const env = await envWithDirectory()
  write(env, '/d/a', 'aaaa', 'bbbb', 'cccc')
  env.files.syncDirectorySync('/d')
  const found = outcomes(env, '/d/a', 'subset')
  const expected = ['aaaabbbbcccc', 'aaaa', 'aa', 'aaaa\0\0\0\0cccc', '\0\0\0\0bbbb', 'aaaabbbb\0\0\0\0', '']
  expect(expected.filter((each) => !found.has(each))).toEqual([])
  const isGarbage = (each: string): boolean => each.startsWith('aaaa') && each.endsWith('cccc') && !/bbbb|\0/.test(each)
  expect([...found].some(isGarbage)).toBe(true)
  for (const each of outcomes(env, '/d/a', 'ordered')) {
    expect('aaaabbbbcccc').toContain(each)
    expect('aaaabbbbcccc'.startsWith(each)).toBe(true)
  }
})

test('bytes that were synced are never lost, whatever is written over or behind them', async () => {
  const env = await envWithDirectory()
  const file = env.files.openSync('/d/a', 'create')
  file.writeSync(Buffer.from('oldold'), 0, 6, 0)
  file.dataSyncSync()
  env.files.syncDirectorySync('/d')
  file.writeSync(Buffer.from('NEW'), 0, 3, 3)
  file.writeSync(Buffer.from('more'), 0, 4, 6)
  for (const each of outcomes(env, '/d/a', 'subset')) {
    expect(each).toMatch(/^old[oN][lE][dW]/)
  }
})

test('entries of one directory are lost one by one', async () => {
  const env = await envWithDirectory()
  write(env, '/d/old', 'x')
  env.files.syncDirectorySync('/d')
  write(env, '/d/a', 'a')
  write(env, '/d/b', 'b')
  await env.run(env.files.remove('/d/old'))
  const snapshot = env.disk.snapshot()
  const names = SEEDS.map((seed) => [...diskAfter(snapshot, { kept: 'subset', seed }).image().keys()].join(' '))
  expect(new Set(names).size).toBe(8)
})

test('a rename leaves the old or the new file, never neither', async () => {
  const env = await envWithDirectory()
  write(env, '/d/current', 'old')
  const old = env.files.openSync('/d/current', 'read')
  old.dataSyncSync()
  env.files.syncDirectorySync('/d')
  write(env, '/d/temporary', 'new')
  await env.run(env.files.rename('/d/temporary', '/d/current'))
  const found = outcomes(env, '/d/current', 'subset')
  expect(found).not.toContain('missing')
  expect(found).toContain('old')
  expect(found).toContain('new')
  // The name may come before the bytes.
  expect(found).toContain('')
})

test('a rename into another directory needs both directories synced, the new one first', async () => {
  const env = await envWithDirectory()
  write(env, '/d/a', 'x')
  env.files.openSync('/d/a', 'read').dataSyncSync()
  await env.run(env.files.makeDirectory('/d/lost'))
  env.files.syncDirectorySync('/d')
  await env.run(env.files.rename('/d/a', '/d/lost/a'))
  const places = (disk: SimulatedDisk): string => [...disk.image().keys()].join(' ')
  const snapshot = env.disk.snapshot()
  const found = new Set(SEEDS.map((seed) => places(diskAfter(snapshot, { kept: 'subset', seed }))))
  expect(found).toEqual(new Set(['/d/a', '/d/lost/a', '/d/a /d/lost/a']))
  const dead = new SimulatedEnv(2, env.disk.loseProcess())
  const again = new Set(SEEDS.map((seed) => places(dead.disk.losePower({ kept: 'subset', seed }))))
  expect(again).toEqual(found)
  env.files.syncDirectorySync('/d')
  expect(places(env.disk.losePower({ kept: 'nothing', seed: 1 }))).toBe('')
  env.files.syncDirectorySync('/d/lost')
  expect(places(env.disk.losePower({ kept: 'nothing', seed: 1 }))).toBe('/d/lost/a')
})

test('the death of the process loses nothing, and what was unsynced still can be', async () => {
  const env = await envWithDirectory()
  write(env, '/d/a', 'data')
  const dead = env.disk.loseProcess()
  expect(text(dead, '/d/a')).toBe('data')
  expect(text(dead.losePower({ kept: 'nothing', seed: 1 }), '/d/a')).toBe(undefined)
  const next = new SimulatedEnv(2, dead)
  const file = next.files.openSync('/d/a', 'update')
  file.writeSync(Buffer.from('DATA'), 0, 4, 0)
  expect(text(env.disk, '/d/a')).toBe('data')
})

test('a snapshot does not change when its disk does', async () => {
  const env = await envWithDirectory()
  const file = env.files.openSync('/d/a', 'create')
  file.writeSync(Buffer.from('1'), 0, 1, 0)
  const snapshot = env.disk.snapshot()
  file.writeSync(Buffer.from('2'), 0, 1, 1)
  file.dataSyncSync()
  env.files.syncDirectorySync('/d')
  expect(text(diskAfter(snapshot, { kept: 'everything', seed: 1 }), '/d/a')).toBe('1')
  expect(text(diskAfter(snapshot, { kept: 'nothing', seed: 1 }), '/d/a')).toBe(undefined)
})

test('one seed leaves one state', async () => {
  const env = await envWithDirectory()
  write(env, '/d/a', 'aaaa', 'bbbb')
  write(env, '/d/b', 'cccc')
  const snapshot = env.disk.snapshot()
  for (const seed of SEEDS) {
    const loss = { kept: 'subset', seed } as const
    expect(diskAfter(snapshot, loss).image()).toEqual(diskAfter(snapshot, loss).image())
  }
})
