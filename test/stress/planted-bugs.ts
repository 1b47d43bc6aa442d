/**
 * Bugs that the stress test must find: each is a small change to the built code, against one rule of how threads share a
 * store.
 */
import { bug, engineBug, type PlantedBug } from '../planted-bugs/planted-bug.ts'

const WRITER = 'share/remote/remote-writer.js'
const VIEW = 'share/remote/remote-view.js'
const STORE = 'share/remote/remote-store.js'
const SEQUENCES = 'share/remote/remote-sequences.js'
const SHARING = 'share/owner/sharing.js'
const CONNECTION = 'share/owner/connection.js'

export const PLANTED_BUGS: readonly PlantedBug[] = [
  engineBug(
    'lost wake-up: a turn that was sent is taken to be still to come',
    WRITER,
    'this.#isTurnPending = false;',
    '',
  ),
  engineBug(
    'lost wake-up: credits come back, and what waits for them is not sent',
    WRITER,
    '?.done.resolve();\n        }\n        this.#send();',
    '?.done.resolve();\n        }',
  ),
  engineBug(
    'reordered group: what is to be durable goes first',
    CONNECTION,
    'of decodeWrites(message))',
    'of decodeWrites(message).sort((a, b) => b.sync - a.sync))',
  ),
  engineBug('version released early: whoever reads it', CONNECTION, ' && !read.has(view.number)', ''),
  engineBug(
    'version released early: what snapshots of other threads see is not kept',
    SHARING,
    'return [...this.#connected].flatMap((connection) => connection.liveSequences());',
    'return [];',
  ),
  engineBug(
    'version released early: a remote lets go of what it still reads',
    VIEW,
    'if (before.readCount === 0) {',
    'if (true) {',
  ),
  engineBug(
    'torn batch: the last operation of a group is not visible with the others',
    'engine.js',
    'onVisible: (sequence) => this.onVisible(sequence),',
    'onVisible: (sequence) => this.onVisible(sequence - 1),',
  ),
  engineBug(
    'torn batch: a batch is sent as single operations',
    STORE,
    'const written = this.#parts.writer.write(',
    'if (operations.length > 1) {\n            const [first, ...rest] = operations;\n            return this.#writeAll([first], sync).then(() => this.#writeAll(rest, sync));\n        }\n        const written = this.#parts.writer.write(',
  ),
  engineBug(
    'stale view after an acknowledgement: the number is raised too late',
    SHARING,
    'this.#cells.view = view.number;',
    'setTimeout(() => { this.#cells.view = Math.max(view.number, this.#cells.view); }, 20);',
  ),
  bug(
    'stale view after an acknowledgement: a remote does not look before it reads, but now and then',
    [`varve/dist/${VIEW}`, 'while (this.#store.view > this.#current.number) {', 'while (false) {'],
    [
      `varve/dist/${VIEW}`,
      'this.#enter(this.#latest);\n            this.refresh();',
      'setTimeout(() => this.#enter(this.#latest), 5);',
    ],
  ),
  engineBug(
    'stale sequence: a snapshot is one that was held before',
    SEQUENCES,
    'const sequence = this.#cells.visibleSequence;',
    'const sequence = [...this.#counts.keys()][0] ?? this.#cells.visibleSequence;',
  ),
]
