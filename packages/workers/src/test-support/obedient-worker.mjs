// Stands in for the job worker: the request's directory is what it is to do.
import { openSync, readSync } from 'node:fs'
import { threadId } from 'node:worker_threads'

const done = (durationMs = 0) => ({
  ok: true,
  tables: [],
  entriesIn: 0,
  entriesOut: 0,
  entriesDropped: 0,
  bytesRead: 0,
  bytesWritten: 0,
  durationMs,
})

const table = {
  number: 1,
  sizeBytes: 100,
  entryCount: 1,
  tombstoneCount: 0,
  smallestKey: Buffer.from('a'),
  largestKey: Buffer.from('a'),
  smallestSequence: 1,
  largestSequence: 1,
  rawKeySizeBytes: 1,
  rawValueSizeBytes: 1,
}
const withTable = (wrong) => ({ ...done(), entriesIn: 1, entriesOut: 1, tables: [{ ...table, ...wrong }] })

/** What is no answer, or not to this request. */
const garbage = {
  nothing: undefined,
  text: 'ok',
  halfOutput: { ok: true, tables: [] },
  halfFailure: { ok: false, message: 'no code' },
  unknownCode: { ok: false, code: 'VARVE_NONSENSE', message: '', cancelled: false },
  negative: { ...done(), bytesRead: -1 },
  lostEntry: { ...done(), entriesIn: 1 },
  tableMissing: { ...done(), entriesIn: 1, entriesOut: 1 },
  foreignNumber: withTable({ number: 2 }),
  emptyTable: withTable({ entryCount: 0 }),
  noBounds: withTable({ largestKey: 'a' }),
}

export async function runRequest(request) {
  const flag = new Int32Array(request.control)
  const [verb, argument] = request.directory.split(' ')
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
      return done()
    case 'blocked':
      // In a system call that no termination interrupts; when it returns it has written into the arena.
      readSync(openSync(argument, 'r'), new Uint8Array(request.arena))
      return done()
    case 'spin':
      for (const arena = new Int32Array(request.arena); ;) {
        Atomics.add(arena, 0, 1)
      }
    case 'sleep':
      for (;;) {
        Atomics.wait(flag, 1, flag[1], 1000)
      }
    case 'slow':
      for (const end = performance.now() + 2500; performance.now() < end;) {
        Atomics.add(flag, 1, 1)
        Atomics.wait(flag, 1, flag[1], 20)
      }
      return done()
    case 'garbage':
      return garbage[argument]
    case 'twice': {
      const post = Reflect.get(MessagePort.prototype, 'postMessage')
      MessagePort.prototype.postMessage = function (...message) {
        MessagePort.prototype.postMessage = post
        Reflect.apply(post, this, message)
        Reflect.apply(post, this, message)
      }
      return done(threadId)
    }
    case 'wait':
      // A running job polls; this one blocks its thread as a real one does.
      Atomics.wait(flag, 0, 0, 20_000)
      return { ok: false, code: 'VARVE_ABORTED', message: 'cancelled', cancelled: true }
    default:
      return done(threadId)
  }
}
