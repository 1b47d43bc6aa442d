// Stands in for the job worker: the request's directory is what it is to do.
import { threadId } from 'node:worker_threads'

const done = (tables) => ({ ok: true, tables, entriesIn: 0, entriesOut: 0, entriesDropped: 0 })

export async function runRequest(request) {
  const flag = new Int32Array(request.cancelFlag)
  const [verb] = request.directory.split(' ')
  switch (verb) {
    case 'throw':
      throw new Error('thrown in the worker')
    case 'exit':
      process.exit(3)
      break
    case 'crash':
      setImmediate(() => {
        throw new Error('uncaught in the worker')
      })
      return await new Promise(() => {})
    case 'out-of-memory': {
      const hoard = []
      for (;;) {
        hoard.push(Array.from({ length: 10_000 }, () => ({})))
      }
    }
    case 'crash-idle':
      setTimeout(() => {
        throw new Error('died between jobs')
      }, 1)
      return done([])
    case 'hang':
      Atomics.store(flag, 0, 7)
      for (;;) {
        Atomics.wait(flag, 0, 7, 1000)
      }
    case 'wait':
      // A running job polls; this one blocks its thread as a real one does.
      Atomics.wait(flag, 0, 0, 20_000)
      return { ok: false, code: 'VARVE_ABORTED', message: 'cancelled', cancelled: true }
    default:
      return { ...done([]), durationMs: threadId }
  }
}
