/** A task of a user's pool: puts keys through a port, reads them again, and closes. */
import type { MessagePort } from 'node:worker_threads'
import { connect } from 'varve'

export async function run(task: {
  readonly port: MessagePort
  readonly prefix: string
  readonly count: number
}): Promise<number> {
  const store = await connect(task.port)
  const puts = Array.from({ length: task.count }, (_, i) => store.put(`${task.prefix}${i}`, String(i)))
  await Promise.all(puts)
  let count = 0
  for await (const key of store.keys({ prefix: task.prefix })) {
    count += (await store.has(key)) ? 1 : 0
  }
  await store.close()
  return count
}
