/** One measurement, in a process of its own: a store, a task, so many threads, or none but the main one. */
import { rmSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { open } from 'varve'
import { EventLoopMonitor } from '../event-loop-monitor.ts'
import { openOther, varveOf } from './thread-stores.ts'
import {
  BATCH_COUNT,
  keyOf,
  readAll,
  runTask,
  valueOf,
  type StoreName,
  type TaskName,
  type ThreadResult,
  type ThreadStore,
} from './thread-task.ts'

const WORKER_URL = new URL('./thread-worker.js', import.meta.url)
const ENTRY_COUNT = 100_000
const FILL_IN_FLIGHT = 100

export interface Measurement {
  readonly name: StoreName
  readonly task: TaskName
  /** 0: the main thread alone. */
  readonly threadCount: number
  readonly durationMs: number
  readonly directory: string
}

export interface Measured {
  readonly operationsPerSecond: number
  /** Of the main thread's event loop, in milliseconds; without the time in which it waited for a processor. */
  readonly longestGapMs: number
  readonly longestRunningGapMs: number
  /** Processor time of the whole process for an operation, in microseconds. */
  readonly processorUs: number
}

interface OpenStore {
  readonly store: ThreadStore
  prepare(): Promise<void>
  share(): MessagePortOrNothing
}
type MessagePortOrNothing = ReturnType<Awaited<ReturnType<typeof open>>['share']> | undefined

export async function measure(measurement: Measurement): Promise<Measured> {
  const { name, task, threadCount, durationMs, directory } = measurement
  rmSync(directory, { recursive: true, force: true })
  const opened = await openStore(name, directory)
  if (task === 'gets') {
    await fill(opened.store)
    await opened.prepare()
  }
  const tasks = Array.from({ length: Math.max(1, threadCount) }, (_, thread) => ({
    task,
    durationMs,
    thread,
    entryCount: ENTRY_COUNT,
  }))
  const threads = threadCount === 0 ? [] : tasks.map((each) => startThread(opened, name, directory, each))
  await Promise.all(threads.map((thread) => thread.ready))
  if (threadCount === 0 && task === 'gets') {
    await readAll(opened.store, ENTRY_COUNT)
  }
  if (threadCount === 0) {
    await runTask(opened.store, { ...(tasks[0] as (typeof tasks)[0]), durationMs: durationMs / 2 })
  }
  const monitor = await EventLoopMonitor.start()
  const usage = process.cpuUsage()
  const results = await Promise.all(
    threadCount === 0 ? [runTask(opened.store, tasks[0] as (typeof tasks)[0])] : threads.map((thread) => thread.run()),
  )
  const { user, system } = process.cpuUsage(usage)
  const { longestGapMs, longestRunningGapMs } = await monitor.stop()
  await Promise.all(threads.map((thread) => thread.ended))
  await opened.store.close()
  rmSync(directory, { recursive: true, force: true })
  const operationsPerSecond = results.reduce(
    (sum, { operationCount, elapsedMs }) => sum + (operationCount / elapsedMs) * 1000,
    0,
  )
  const operationCount = results.reduce((sum, result) => sum + result.operationCount, 0)
  return { operationsPerSecond, longestGapMs, longestRunningGapMs, processorUs: (user + system) / operationCount }
}

async function openStore(name: StoreName, directory: string): Promise<OpenStore> {
  if (name === 'varve') {
    const store = await open(directory)
    return { store: varveOf(store), prepare: () => store.compactRange(), share: () => store.share() }
  }
  const store = await openOther(name, directory)
  return { store, prepare: () => Promise.resolve(), share: () => undefined }
}

async function fill(store: ThreadStore): Promise<void> {
  let first = 0
  const lane = async (): Promise<void> => {
    while (first < ENTRY_COUNT) {
      const from = first
      first += BATCH_COUNT
      await store.write(Array.from({ length: BATCH_COUNT }, (_, i) => [keyOf(0, from + i), valueOf(i)] as const))
    }
  }
  // At once: a store that syncs each commit would take minutes.
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, lane))
}

function startThread(
  opened: OpenStore,
  name: StoreName,
  directory: string,
  task: object,
): { readonly ready: Promise<void>; run(): Promise<ThreadResult>; readonly ended: Promise<void> } {
  const port = opened.share()
  const worker = new Worker(WORKER_URL, {
    workerData: { name, port, directory, task },
    transferList: port === undefined ? [] : [port],
  })
  const failed = new Promise<never>((_resolve, reject) => worker.once('error', reject))
  const message = async (): Promise<unknown> =>
    await Promise.race([new Promise((resolve) => worker.once('message', resolve)), failed])
  return {
    ready: message().then(() => undefined),
    run: async () => {
      worker.postMessage('go')
      return (await message()) as ThreadResult
    },
    ended: new Promise((resolve) => worker.once('exit', () => resolve())),
  }
}
