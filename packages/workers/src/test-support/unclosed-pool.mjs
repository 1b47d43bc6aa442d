// A program that runs two jobs and forgets to close the executor.
import { putWalHeader } from '@varve/storage'
import { createJobControl, createPoolExecutor } from '../../dist/index.js'

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
process.stdout.write('running\n')
