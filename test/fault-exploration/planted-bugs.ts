/**
 * Bugs that the fault exploration must find: each is a small change to the built code, against one rule of what the store
 * does when the system refuses something.
 */
import { bug, engineBug, type PlantedBug } from '../planted-bugs/planted-bug.ts'

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
    'if (!isHopeless && !isLastTry && this.#failure === undefined) {',
    'if (!isHopeless && !isLastTry && hopelessCount > 0) {',
  ),
  engineBug('what failed jobs wrote is left', 'jobs/job-runner.js', 'this.#removeOutputs(outputNumbers);', ''),
  bug(
    'after a failed append the log is written on',
    [
      'varve/dist/wal/wal.js',
      'catch (error) {\n            this.#failure = toVarveError(error);\n            throw error;\n        }\n        this.#writtenOffset',
      'catch (error) {\n            throw error;\n        }\n        this.#writtenOffset',
    ],
    [
      'varve/dist/write/commit-queue.js',
      'catch (error) {\n            this.#failPending(error);\n            return;',
      'catch (error) {\n            this.#queue.shift();\n            group.fail(error);\n            this.#settle(group);\n            return;',
    ],
  ),
  bug(
    'a manifest on which a write failed is written on',
    [
      'varve/dist/version/version-set.js',
      '        await this.#writeFullState(next, edit);\n    }\n    /** Marks',
      '        await (manifest === undefined ? this.#writeFullState(next, edit) : manifest.append({ ...edit, nextFileNumber: this.#nextFileNumber }));\n    }\n    /** Marks',
    ],
    ['@varve/storage/dist/manifest/manifest-writer.js', 'this.#failed = true;', ''],
  ),
  engineBug(
    'the tables of an edit in doubt are deleted',
    'flush/flush-scheduler.js',
    'if (!this.#versions.isInDoubt) {',
    'if (true) {',
  ),
  engineBug(
    'a log that could not be synced is recorded as closed cleanly',
    'engine.js',
    'this.#flushes.finishClose(isSynced)',
    'this.#flushes.finishClose(true)',
  ),
  bug('a job deletes what it wrote when it fails', [
    '@varve/workers/dist/run-job.js',
    'context?.closeAll();',
    'context?.closeAll();\n        void env.files.remove(context?.tablePath(request.outputNumbers.first)).catch(() => undefined);',
  ]),
]
