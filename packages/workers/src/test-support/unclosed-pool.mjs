// A program that runs two jobs and forgets to close the executor. It says so if it is then held, by threads that are idle.
import { putWalHeader } from '@varve/storage'
import { createJobControl, createPoolExecutor } from '../../dist/bundle/index.js'

/** Long before an idle thread retires. */
const HELD_AFTER_MS = 5000
const executor = createPoolExecutor({ workerCountMax: 2 })
const arena = new SharedArrayBuffer(64)
putWalHeader(new Uint8Array(arena), { number: 1, salt: 1 })
const base = {
  directory: '/nowhere',
  table: { blockSizeBytes: 4096, bloomBitsPerKey: 10, tableSizeBytes: 1000 },
  liveSequences: [0],
  outputNumbers: { first: 1, count: 1 },
  control: createJobControl(),
}
const note = (type) => (result) => process.stdout.write(`${type} ${result.ok ? 'ok' : result.message}\n`)
void executor
  .run({ ...base, type: 'flush', walNumber: 1, arena, committedSizeBytes: 32 })
  .then(note('flush'))
  .then(() => executor.run({ ...base, type: 'compaction', runs: [], isBottom: true }).then(note('compaction')))
  .then(() => setTimeout(() => process.stdout.write('held\n'), HELD_AFTER_MS).unref())
process.stdout.write('running\n')
