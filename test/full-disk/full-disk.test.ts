/**
 * A disk that is really full (R13): a small file system in memory, mounted in a namespace of its own, or where that is
 * not permitted and in any case the limit of a file's size, which fails in the same places with another code. Each test
 * says in its name which of them it used; that none can be used is a failure.
 */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import path from 'node:path'
import { Child } from '../harness/child.ts'
import type { FullDiskPlan } from '../harness/full-disk-plan.ts'
import { makeScratchDirectory } from '../harness/scratch-directory.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'

const MIB = 1024 * 1024
/** Without the ballast there is room to compact all that fits beside it. */
const DISK_SIZE_BYTES = 24 * MIB
const BALLAST_SIZE_BYTES = 14 * MIB
/** Less than a memtable: logs fail, and tables of several of them. In the blocks of 512 bytes that a shell counts in. */
const FILE_SIZE_BLOCKS_MAX = 300
const TIMEOUT_MS = 120_000

/** Runs the rest of its arguments where the directory, its first, is on a small disk. */
const MOUNT = `mount -t tmpfs -o size=${DISK_SIZE_BYTES} tmpfs "$0" && exec "$@"`
/** The shell of some systems counts in KiB: a limit twice as large serves as well. */
const LIMIT = `ulimit -S -f ${FILE_SIZE_BLOCKS_MAX} && exec "$@"`

interface Way {
  readonly name: string
  readonly space: FullDiskPlan['space']
  wrapper(directory: string): readonly [string, ...string[]]
}

const WAYS: readonly Way[] = [
  {
    name: 'tmpfs mounted by root',
    space: 'ballast',
    wrapper: (directory) => ['unshare', '--mount', 'sh', '-c', MOUNT, directory],
  },
  {
    name: 'tmpfs mounted in a user namespace',
    space: 'ballast',
    wrapper: (directory) => ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', MOUNT, directory],
  },
  { name: 'limit of a file size', space: 'limit', wrapper: () => ['sh', '-c', LIMIT, 'sh'] },
]

/** Whether a program can be started in this way, and can end the shortage again. */
function isUsable(way: Way): boolean {
  const [program, ...parameters] = way.wrapper('/tmp')
  const canRaise = way.space === 'ballast' || spawnSync('prlimit', ['--version']).status === 0
  return canRaise && spawnSync(program, [...parameters, 'true']).status === 0
}

/** One file system, and the limit: they fail with different codes. */
const [disk, limit] = [
  WAYS.find((way) => way.space === 'ballast' && isUsable(way)),
  WAYS.find((way) => way.space === 'limit' && isUsable(way)),
]
const ways = [disk, limit].flatMap((way) => way ?? [])

/** What meets the end of the space first. The limit of a file's size ends all kinds of files alike. */
const cases = ways.flatMap((way) =>
  way.space === 'limit'
    ? [{ name: way.name, way, kind: 'all files', frozenMemtableCountMax: 2 }]
    : [
        { name: way.name, way, kind: 'tables', frozenMemtableCountMax: 2 },
        { name: way.name, way, kind: 'logs', frozenMemtableCountMax: 64 },
      ],
)

test('a disk can be filled here', () => {
  expect(ways.map((way) => way.name)).not.toEqual([])
})

/** They wait for most of their time: for silence, and for the back-off of what is tried again. */
describe.concurrent('nothing is lost, reads go on, and writes do when there is room', { timeout: TIMEOUT_MS }, () => {
  test.for(cases)('$name, $kind', async ({ way, kind, frozenMemtableCountMax }, { onTestFinished }) => {
    const seed = seedsOfRun(13).at(-1) ?? 0
    const mount = makeScratchDirectory('full-disk', onTestFinished)
    const plan: FullDiskPlan = {
      directory: path.join(mount, 'store'),
      space: way.space,
      ballastSizeBytes: BALLAST_SIZE_BYTES,
      frozenMemtableCountMax,
      fault: kind === 'tables' ? 'table' : 'wal',
      seed,
    }
    await replayable(seed, 'test/full-disk', async () => {
      const child = new Child('full-disk', plan, [], way.wrapper(mount))
      const { stderr, signal } = await child.ended
      expect([child.lines.filter((line) => line.startsWith('error')), stderr, signal]).toEqual([[], '', null])
      expect(child.lines.at(-1)).toBe('closed')
      const [walFaults, tableFaults] = numbersOf(child, 'full')
      expect(kind === 'tables' ? tableFaults : walFaults, 'faults were told').toBeGreaterThan(0)
      if (child.lines.includes('sealed')) {
        // One run in some hundred: what was acknowledged is there, but only the next open takes writes.
        return
      }
      const [recoveries, rejected] = numbersOf(child, 'healed')
      // Where a log in use failed, writes were rejected, and the store said when it took them again.
      expect(rejected > 0 || kind !== 'tables' ? recoveries : 1, 'recoveries were told').toBeGreaterThan(0)
    })
  })
})

function numbersOf(child: Child, word: string): [number, number] {
  const line = child.lines.find((said) => said.startsWith(`${word} `)) ?? ''
  const [, first = 'NaN', second = 'NaN'] = line.split(' ')
  return [Number(first), Number(second)]
}
