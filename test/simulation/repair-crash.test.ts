/**
 * A loss of power, or the death of the process, at every call of a repair (R1, R4, R7): repairing again ends with the same
 * contents as a repair that nothing cut off, no original is gone, and what is written and synced afterwards stays.
 */
import { createInlineExecutor } from '@varve/workers'
import { open, repair, type Store } from 'varve'
import { describe, expect, test } from 'vitest'
import { contentsOf, fill } from '../harness/contents.ts'
import { SeededRandom } from '../harness/random.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'
import { diskAfter, type Crash, type SimulatedDisk } from './disk.ts'
import type { DiskSnapshot } from './disk-snapshot.ts'
import { SimulatedEnv } from './simulated-env.ts'

const STORE = '/data/store'
const OPTIONS = { memtableSizeBytes: 4096, blockSizeBytes: 256, tableSizeBytes: 4096, levelOneSizeBytes: 8192 } as const
const PATH = 'test/simulation/repair-crash.test.ts'
const TIMEOUT_MS = 120_000
/** One in so many crash states is written to and loses its power once more. */
const AGAIN_EVERY = 3

type Contents = [string, string][]

/** What is wrong: which file, and whether it has gone or one of its bytes is another one. */
interface Damage {
  readonly name: string
  readonly pattern: RegExp
  readonly how: 'gone' | 'flipped'
}

const DAMAGES: readonly Damage[] = [
  { name: 'CURRENT is missing', pattern: /CURRENT$/, how: 'gone' },
  { name: 'the manifest is missing', pattern: /MANIFEST-\d+$/, how: 'gone' },
  { name: 'the manifest is damaged', pattern: /MANIFEST-\d+$/, how: 'flipped' },
  { name: 'a table is damaged', pattern: /\.sst$/, how: 'flipped' },
  { name: 'a table is missing', pattern: /\.sst$/, how: 'gone' },
  { name: 'a log is damaged', pattern: /\.wal$/, how: 'flipped' },
]

const components = (env: SimulatedEnv): { env: SimulatedEnv; executor: ReturnType<typeof createInlineExecutor> } => ({
  env,
  executor: createInlineExecutor(env.forJobs),
})

function openOn(env: SimulatedEnv, createIfMissing = false): Promise<Store> {
  return open(STORE, { ...OPTIONS, createIfMissing }, components(env))
}

/** Tables of several levels and a log with groups, all of it synced; then the process dies. */
async function damagedDisk(seed: number, { pattern, how }: Damage): Promise<SimulatedDisk> {
  const env = new SimulatedEnv(seed)
  const work = async (): Promise<void> => {
    const store = await openOn(env, true)
    await fill(store, 30, 100, 'a')
    await store.compactRange()
    await fill(store, 30, 100, 'b')
    await store.delete('a000003')
    await store.flush()
    for (let i = 0; i < 10; i++) {
      // Each group says that those before it are durable: damage among them is no torn tail.
      await store.put(`log-${i}`, `value ${i}`, { sync: true })
    }
  }
  await env.run(work())
  const random = new SeededRandom(seed)
  const next = new SimulatedEnv(seed, env.disk.losePower({ kept: 'nothing', seed }))
  await next.run(doDamage(next, random.pick(pathsOf(next.disk, pattern)), how, random))
  return next.disk.losePower({ kept: 'everything', seed })
}

function pathsOf(disk: SimulatedDisk, pattern: RegExp): string[] {
  const paths = [...disk.image()].filter(([path, bytes]) => pattern.test(path) && bytes.length > 100)
  return paths.length > 0 ? paths.map(([path]) => path) : [...disk.image().keys()].filter((path) => pattern.test(path))
}

async function doDamage(env: SimulatedEnv, path: string, how: Damage['how'], random: SeededRandom): Promise<void> {
  const bytes = Uint8Array.from(env.disk.image().get(path) ?? [])
  await env.files.remove(path)
  if (how === 'flipped') {
    // Behind the header, and not in the last group, record or block.
    const offset = random.between(60, Math.floor(bytes.length / 2))
    bytes[offset] = (bytes[offset] ?? 0) ^ 0x55
    const file = await env.files.open(path, 'create')
    file.writeSync(bytes, 0, bytes.length, 0)
    await file.close()
  }
}

async function repairOn(env: SimulatedEnv): Promise<void> {
  await repair(STORE, OPTIONS, components(env))
}

async function readStore(env: SimulatedEnv): Promise<Contents> {
  const store = await openOn(env)
  const contents = await contentsOf(store)
  expect((await store.verify()).findings).toEqual([])
  await store.close()
  return contents
}

/** Everything that was there is there, in its place or in lost/. CURRENT alone is replaced. */
function expectOriginals(damaged: SimulatedDisk, disk: SimulatedDisk, where: string): void {
  const found = new Set([...disk.image().values()].map((bytes) => Buffer.from(bytes).toString('latin1')))
  for (const [path, bytes] of damaged.image()) {
    if (!/(?:CURRENT|LOCK)$/.test(path)) {
      expect(found.has(Buffer.from(bytes).toString('latin1')), `${where}: ${path} has gone`).toBe(true)
    }
  }
}

/** Moments between the calls of a repair, and what an undisturbed one comes to. */
async function repairPoints(
  seed: number,
  damaged: SimulatedDisk,
): Promise<{ readonly points: { what: string; snapshot: DiskSnapshot }[]; readonly contents: Contents }> {
  const env = new SimulatedEnv(seed, damaged.losePower({ kept: 'everything', seed }))
  const points: { what: string; snapshot: DiskSnapshot }[] = []
  env.calls.onCall = (moment, { kind, path }) => {
    if (moment === 'before' && kind !== 'read' && kind !== 'look' && kind !== 'open' && kind !== 'close') {
      points.push({ what: `before ${kind} ${path}`, snapshot: env.disk.snapshot() })
    }
  }
  await env.run(repairOn(env))
  env.calls.onCall = undefined
  points.push({ what: 'when it is done', snapshot: env.disk.snapshot() })
  expect(env.calls.openCount).toBe(0)
  expectOriginals(damaged, env.disk, 'undisturbed')
  return { points, contents: await env.run(readStore(env)) }
}

const CRASHES = ['nothing', 'everything', 'subset', 'ordered', 'process death'] as const

/** With the first one, a loss of power took lost/ itself when files had been moved there. */
const SEEDS = seedsOfRun(761370411)

describe.each(DAMAGES)('$name', (damage) => {
  test.each(SEEDS)(
    'R1 R4 R7: a repair that was cut off anywhere is repaired; seed %i',
    async (seed) => {
      await replayable(seed, PATH, async () => {
        const damaged = await damagedDisk(seed, damage)
        const { points, contents } = await repairPoints(seed, damaged)
        expect(points.length).toBeGreaterThan(5)
        for (const [i, { what, snapshot }] of points.entries()) {
          const kept = CRASHES[i % CRASHES.length] ?? 'nothing'
          const crash: Crash = kept === 'process death' ? 'process-death' : { kept, seed: seed + i }
          const where = `${what}, crash keeps ${kept}`
          const env = new SimulatedEnv(seed + i, diskAfter(snapshot, crash))
          if (what !== 'when it is done') {
            await env.run(repairOn(env))
          }
          expect(await env.run(readStore(env)), where).toEqual(contents)
          expectOriginals(damaged, env.disk, where)
          if (i % AGAIN_EVERY === 0) {
            await writeAndLose(env, contents, where)
          }
        }
      })
    },
    TIMEOUT_MS,
  )
})

async function writeAndLose(env: SimulatedEnv, contents: Contents, where: string): Promise<void> {
  const write = async (): Promise<void> => {
    const store = await openOn(env)
    await store.put('~later', 'value', { sync: true })
  }
  await env.run(write())
  const next = new SimulatedEnv(1, env.disk.losePower({ kept: 'nothing', seed: 1 }))
  expect(await next.run(readStore(next)), `${where}, and a write`).toEqual([...contents, ['~later', 'value']])
}
