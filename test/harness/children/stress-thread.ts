/** A thread of the stress test: acts on a shared store for one round after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { SeededRandom } from '../random.ts'
import { AccountBook } from '../stress/account-book.ts'
import { OperationLog } from '../stress/operation-log.ts'
import { StressActor } from '../stress/stress-actor.ts'
import type { RoundEnd, RoundStart, StressPlan } from '../stress/stress-plan.ts'
import { loadVarve } from '../stress/varve-build.ts'

const plan = workerData as StressPlan
const { connect } = await loadVarve()
/** Some keep next to nothing, so that their reads wait for the disk again and again while files come and go. */
const store = await connect(
  plan.port,
  plan.actor % 2 === 0
    ? { blockCacheSizeBytes: 256 * 1024, openTableCountMax: 8 }
    : { blockCacheSizeBytes: 0, openTableCountMax: 1 },
)
const accounts = await AccountBook.open(store, plan.actor, plan.actorCount)
let value = plan.valueBase

async function runRound({ seed, log, stop }: RoundStart): Promise<RoundEnd> {
  const cell = new Int32Array(stop)
  const actor = new StressActor(store, accounts, new SeededRandom(seed), new OperationLog(log), () => ++value)
  await actor.run(() => Atomics.load(cell, 0) !== 0)
  return { findings: actor.findings, operationCount: actor.stepCount }
}

parentPort?.on('message', (message: RoundStart | 'close') => {
  if (message === 'close') {
    void store.close().then(() => parentPort?.close())
  } else {
    void runRound(message).then((end) => parentPort?.postMessage(end))
  }
})
parentPort?.postMessage('ready')
