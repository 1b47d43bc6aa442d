/** A thread that is measured: opens or connects, waits for all others, runs its task, and tells what it came to. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { connectVarve, openOther } from './thread-stores.ts'
import { readAll, runTask, type StoreName, type ThreadTask } from './thread-task.ts'

const { name, port, directory, task } = workerData as {
  readonly name: StoreName
  readonly port: MessagePort
  readonly directory: string
  readonly task: ThreadTask
}
const store = name === 'varve' ? await connectVarve(port) : await openOther(name, directory)
if (task.task === 'gets') {
  await readAll(store, task.entryCount)
}
// Its code is compiled then.
await runTask(store, { ...task, durationMs: task.durationMs / 2 })
parentPort?.postMessage('ready')
await new Promise((resolve) => parentPort?.once('message', resolve))
parentPort?.postMessage(await runTask(store, task))
await store.close()
parentPort?.close()
