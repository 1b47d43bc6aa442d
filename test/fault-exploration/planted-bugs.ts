/**
 * Bugs that the fault exploration must find: each is a small change to the built code, against one rule of what the store
 * does when the system refuses something.
 */
import { engineBug, type PlantedBug } from '../planted-bugs/planted-bug.ts'

export const PLANTED_BUGS: readonly PlantedBug[] = [
  engineBug(
    'a sync that failed is tried again and believed',
    'wal/wal.js',
    'await this.#using(() => file.dataSync());',
    'await this.#using(() => file.dataSync().catch(() => file.dataSync()));',
  ),
  engineBug(
    'a sync that failed is taken for done',
    'wal/wal-syncer.js',
    'waiter.failSync(error);',
    'waiter.whenSynced();',
  ),
  engineBug(
    'nothing heals a store whose log could not be synced',
    'engine.js',
    'new WalSyncer((error) => this.#healer.onFailed(error))',
    'new WalSyncer(() => undefined)',
  ),
  engineBug(
    'a log is deleted though the manifest could not be written',
    'flush/flush-scheduler.js',
    'await this.#versions.apply(edit, () => {',
    'this.#versions.apply({}).catch(() => this.#hooks.onInstalled(memtable, output));\n        await this.#versions.apply(edit, () => {',
  ),
  engineBug(
    'what a failed group holds stays visible',
    'write/commit-queue.js',
    'group.memtable.failUncommitted(this.#visibleSequence);',
    '',
  ),
  engineBug('stalled writes are not rejected', 'write/write-path.js', 'this.#stalled.rejectAll(refusal);', ''),
  engineBug(
    'the edit of a flush leaves out burnt sequence numbers',
    'flush/flush-scheduler.js',
    'sequenceNumber(successor.firstSequence - 1)',
    'sequenceNumber(memtable.firstSequence + memtable.visibleCount(Infinity) - 1)',
  ),
  engineBug(
    'a failed append to the manifest is taken for done',
    'version/version-set.js',
    'this.#hooks.onRetry(toVarveError(error));',
    'return this.#hooks.onRetry(toVarveError(error));',
  ),
  engineBug(
    'a job that the system refused once is given up',
    'flush/flush-scheduler.js',
    'if (!isHopeless && !isLastTry) {',
    'if (!isHopeless && !isLastTry && hopelessCount > 0) {',
  ),
  engineBug('what failed jobs wrote is left', 'jobs/job-runner.js', 'this.#removeOutputs(outputNumbers);', ''),
]
