/** Bugs that the tests of failing job threads must find (R14). */
import { bug, engineBug, type PlantedBug } from './planted-bug.ts'

const THREAD = '@varve/workers/dist/threads/job-thread.js'
const POOL = '@varve/workers/dist/threads/pool-executor.js'

export const PLANTED_BUGS: readonly PlantedBug[] = [
  bug(
    'a job that hangs has failed before its thread is gone',
    [THREAD, 'onHung(hungMessage);', 'onHung(hungMessage);\n            this.#onExit(1);'],
    [THREAD, 'await this.#end();\n        return failure;', 'void this.#end();\n        return failure;'],
  ),
  bug('an answer is believed that is none', [THREAD, 'if (!isAnswerTo(request, answer)) {', 'if (false) {']),
  bug('the lock is free while threads still work on the store', [
    POOL,
    'await Promise.all(Array.from(this.#jobs, (job) => job.done));',
    '',
  ]),
  engineBug(
    'a job that fails for no fault of the system is tried for ever',
    'jobs/job-runner.js',
    'export const TRIES_MAX = 3',
    'export const TRIES_MAX = Infinity',
  ),
]
