/** A thread that uses a store through `connect`, as it is told to. See `share-plan.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { connect } from 'varve'
import type { RangeIterator, Snapshot } from 'varve'
import type { ShareAnswer, ShareCommand, SharePlan } from '../share-plan.ts'

const { port, options } = workerData as SharePlan & { readonly port: MessagePort }
const store = await connect(port, options)
let held: { snapshot: Snapshot; iterator: RangeIterator } | undefined

const textOf = (value: Buffer | undefined): string | undefined => value?.toString()

async function perform(command: ShareCommand): Promise<unknown> {
  switch (command.do) {
    case 'put':
      return await store.put(command.key, command.value, { sync: command.sync === true })
    case 'get':
      return textOf(await store.get(command.keys[0] ?? ''))
    case 'getMany':
      return (await store.getMany(command.keys)).map(textOf)
    case 'keys': {
      const keys: string[] = []
      for await (const key of store.keys({ prefix: command.keys[0] ?? '' })) {
        keys.push(key.toString())
      }
      return keys
    }
    case 'hold': {
      held = { snapshot: store.snapshot(), iterator: store.iterator() }
      return (await held.iterator.next())?.map(textOf)
    }
    case 'readHeld':
      return textOf(await held?.snapshot.get(command.key))
    case 'spin':
      Atomics.wait(command.cell, 0, 0)
      return textOf(store.getSync('spun'))
    case 'exit':
      void store.put('exit', 'maybe')
      process.exit()
      break
    case 'throw':
      void store.put('throw', 'maybe')
      setImmediate(() => {
        throw new Error('thrown on purpose')
      })
      return undefined
    case 'close':
      return await store.close()
  }
}

async function answer(id: number, command: ShareCommand): Promise<ShareAnswer> {
  try {
    return { id, value: await perform(command) }
  } catch (error) {
    const { code, message, constructor } = error as Error & { code?: unknown }
    return { id, error: { code, message, className: constructor.name } }
  }
}

parentPort?.on('message', ({ id, command }: { id: number; command: ShareCommand }) => {
  void answer(id, command).then((answered) => parentPort?.postMessage(answered))
})
parentPort?.postMessage({ id: 0 } satisfies ShareAnswer)
