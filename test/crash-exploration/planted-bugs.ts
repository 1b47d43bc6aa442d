/**
 * Bugs that the crash exploration must find: each is a small change to the built code, and each is one that some store
 * really had or that this one is built to avoid.
 */
import { bug, type PlantedBug } from '../planted-bugs/planted-bug.ts'

const WAL = 'varve/dist/wal/wal.js'
const SYNCER = 'varve/dist/wal/wal-syncer.js'
const COMMITS = 'varve/dist/write/commit-queue.js'
const VERSIONS = 'varve/dist/version/version-set.js'
const RECOVERY = 'varve/dist/recovery/recover-store.js'
const REPLAY = 'varve/dist/recovery/wal-replay.js'
const FLUSHES = 'varve/dist/flush/flush-scheduler.js'
const MEMTABLES = 'varve/dist/memtable/memtable-queue.js'
const ENGINE = 'varve/dist/engine.js'
const MEMTABLE = 'varve/dist/memtable/memtable.js'
const WRITE_PATH = 'varve/dist/write/write-path.js'
const TRANSACTIONS = 'varve/dist/transaction/transaction-runner.js'
const CHECKPOINT = 'varve/dist/checkpoint/checkpoint.js'
const CURRENT = '@varve/storage/dist/manifest/current-file.js'
const MANIFEST_WRITER = '@varve/storage/dist/manifest/manifest-writer.js'
const WAL_FORMAT = '@varve/storage/dist/wal/wal-format.js'
const TABLE_OUTPUT = '@varve/storage/dist/table/table-output.js'
const OUTPUT_TABLES = '@varve/workers/dist/jobs/output-tables.js'
const COMPACTION_JOB = '@varve/workers/dist/compaction/compaction-job.js'
const VERSION_FILTER = '@varve/workers/dist/jobs/version-filter.js'

const LOGS: readonly PlantedBug[] = [
  bug('a new log is used before its directory is synced', [WAL, 'await env.files.syncDirectory(directory);', '']),
  bug('a new log is used before its header is durable', [
    WAL,
    'await file.dataSync();\n            await env',
    'await env',
  ]),
  bug('a write is acknowledged before the log has it', [
    COMMITS,
    'const promise = group.promise(sync);',
    'const promise = sync ? group.promise(true) : Promise.resolve();',
  ]),
  bug('a sync is acknowledged without one', [COMMITS, 'this.#syncer.wait(group);', 'group.whenSynced();']),
  bug('a sync is taken to cover what was written while it ran', [
    WAL,
    'this.#syncedOffset = Math.max(this.#syncedOffset, offset);',
    'this.#syncedOffset = this.#writtenOffset;',
  ]),
  bug('a sync acknowledges those who came while it ran', [
    SYNCER,
    'for (const waiter of waiters) {\n                waiter.whenSynced',
    'for (const waiter of [...waiters, ...this.#waiters.splice(0)]) {\n                waiter.whenSynced',
  ]),
  bug('only the newest log is synced', [SYNCER, 'if (wal.hasUnsynced && ', 'if (wal === newest && ']),
  bug(
    'a failed sync is tried again, and believed',
    [
      WAL,
      'this.#failure ??= toVarveError(error);\n            throw error;\n        }\n        finally',
      'throw error;\n        }\n        finally',
    ],
    [SYNCER, 'await wal.sync();', 'try {\n await wal.sync();\n } catch {\n await wal.sync();\n }'],
  ),
]

const MANIFESTS: readonly PlantedBug[] = [
  bug('CURRENT is replaced before the new one is durable', [CURRENT, 'await file.dataSync();', '']),
  bug('CURRENT is replaced, and its directory not synced', [CURRENT, 'await files.syncDirectory(directory);', '']),
  bug('CURRENT names a manifest whose entry is not durable', [
    VERSIONS,
    'await files.syncDirectory(this.#directory);',
    '',
  ]),
  bug('edits are not synced', [MANIFEST_WRITER, 'await this.#file.dataSync();', '']),
  bug(
    'an edit is installed before it is durable',
    [
      VERSIONS,
      'try {\n            await this.#makeDurable(edit, next);',
      'this.#install(next, onInstalled);\n        try {\n            await this.#makeDurable(edit, next);',
    ],
    [
      VERSIONS,
      '            throw this.#failure;\n        }\n        this.#install(next, onInstalled);',
      '            throw this.#failure;\n        }',
    ],
  ),
  bug(
    'a manifest that was only read counts as durable',
    [
      VERSIONS,
      'async begin(edit, needed) {',
      'async begin(edit, needed) {\n        const isFound = this.#logNumber !== 0;',
    ],
    [
      VERSIONS,
      'await this.#writeFullState(next, edit, needed);\n        this.#install(next);',
      'if (!isFound || edit.added.length > 0) {\n            await this.#writeFullState(next, edit, needed);\n        }\n        this.#install(next);',
    ],
    [
      RECOVERY,
      "(file?.kind === 'manifest' &&",
      "(file?.kind === 'manifest' && versions.manifestNumber !== undefined &&",
    ],
  ),
  bug(
    'writes begin before the recovered state is durable',
    [
      VERSIONS,
      'async begin(edit, needed) {',
      'async begin(edit, needed) {\n        const isFound = this.#logNumber !== 0;',
    ],
    [
      VERSIONS,
      'await this.#writeFullState(next, edit, needed);\n        this.#install(next);',
      'const written = this.#writeFullState(next, edit, needed);\n        await (isFound ? undefined : written);\n        this.#install(next);',
    ],
  ),
]

const FLUSHES_AND_COMPACTIONS: readonly PlantedBug[] = [
  bug('tables are not synced', [TABLE_OUTPUT, 'this.#write();\n        this.file.dataSyncSync();', 'this.#write();']),
  bug('the directory of new tables is not synced', [OUTPUT_TABLES, 'this.#context.syncDirectory();', '']),
  bug(
    'a log is deleted before the edit is durable that makes it obsolete',
    [
      FLUSHES,
      'await this.#versions.apply(edit, () => {',
      'this.#hooks.onEarly(memtable);\n        await this.#versions.apply(edit, () => {',
    ],
    [
      ENGINE,
      'onInstalled: (memtable, output) => this.#onFlushed(memtable, output),',
      'onInstalled: (memtable, output) => this.#onFlushed(memtable, output),\n            onEarly: (memtable) => {\n                this.#syncer.remove(memtable.wal);\n                this.#healer.discard(memtable.wal);\n            },',
    ],
  ),
  bug('a flush is requested before all groups of its memtable have ended', [
    FLUSHES,
    'if (memtable.isSettled && !this.#jobs.has(memtable)) {',
    'if (!this.#jobs.has(memtable)) {',
  ]),
  bug(
    'flush edits are applied out of order',
    [
      FLUSHES,
      'for (let oldest = this.#memtables.frozen[0]; oldest !== undefined; oldest = this.#memtables.frozen[0]) {',
      'for (let oldest = this.#memtables.frozen.at(-1); oldest !== undefined; oldest = this.#memtables.frozen.at(-1)) {',
    ],
    [FLUSHES, 'this.#memtables.dropOldest();', 'this.#memtables.dropOldest(memtable);'],
    [
      MEMTABLES,
      'dropOldest() {\n        const memtable = this.#frozen.shift();',
      'dropOldest(memtable) {\n        this.#frozen.splice(this.#frozen.indexOf(memtable), 1);',
    ],
  ),
  bug('an edit lets the log of a memtable go that is not flushed', [
    FLUSHES,
    'logNumber: successor.wal.number,',
    'logNumber: this.#memtables.active.wal.isReady ? this.#memtables.active.wal.number : successor.wal.number,',
  ]),
  bug('tombstones are dropped above the bottom', [COMPACTION_JOB, 'request.isBottom', 'true']),
  bug('a version is dropped that a snapshot sees', [VERSION_FILTER, 'this.#oldestLiveFrom(sequence) >= newer', 'true']),
  bug('tables without a name in the manifest are left', [
    RECOVERY,
    "(file?.kind === 'table' && !live.has(file.number))",
    'false',
  ]),
]

const RECOVERIES: readonly PlantedBug[] = [
  bug('the directory of a new store is not made durable', [RECOVERY, 'syncAncestors(env.files, directory)', '']),
  bug('replayed logs are deleted before the recovered state is durable', [
    RECOVERY,
    'let lostFileNames;',
    'for (const wal of replay.wals) {\n        await env.files.remove(join(directory, walFileName(wal.number)));\n    }\n    let lostFileNames;',
  ]),
  bug('only the newest log may be torn', [
    REPLAY,
    'if (stop !== undefined) {',
    'if (stop !== undefined && i < numbers.length - 1) {\n            throw new CorruptionError(wal.path, stop.offset, stop.why);\n        }\n        if (stop !== undefined) {',
  ]),
  bug('replayed logs count again after the next crash', [
    RECOVERY,
    'logNumber: firstWal.number,',
    'logNumber: state.logNumber || firstWal.number,',
  ]),
  bug('a torn log is cut in memory only', [
    RECOVERY,
    'begin({ added, logNumber: firstWal.number,',
    'begin({ added: [], logNumber: state.logNumber || firstWal.number,',
  ]),
  bug('a missing group in the middle is not noticed', [
    REPLAY,
    'group?.baseSequence === next;',
    'group !== undefined;',
  ]),
  bug('a group that is not whole is taken for whole', [
    WAL_FORMAT,
    'getUint32(bytes, offset) !== groupChecksum(bytes, header, offset, endOffset)',
    'false',
  ]),
  bug('a log that was flushed promises something about those behind it', [
    REPLAY,
    'let recoveredTo = { number: known.logNumber, offset: 0 };',
    'let recoveredTo = { number: 0, offset: 0 };',
  ]),
  bug('file numbers do not go beyond those in the directory', [
    RECOVERY,
    'const nextFileNumber = Math.max(state.nextFileNumber, nextNumberOf(names, directory));',
    'const { nextFileNumber } = state;',
  ]),
]

const CHECKPOINTS: readonly PlantedBug[] = [
  bug('a checkpoint links a log', [
    CHECKPOINT,
    'await writeManifest(files, target.temporaryPath, version, sequence);',
    "for (const name of (await files.list(directory)).filter((each) => each.endsWith('.wal'))) {\n            await files.link(join(directory, name), join(target.temporaryPath, name));\n        }\n        await writeManifest(files, target.temporaryPath, version, sequence);",
  ]),
  bug('a checkpoint is acknowledged before its name is durable', [
    CHECKPOINT,
    'await files.syncDirectory(target.parentPath);',
    '',
  ]),
  bug('a checkpoint is renamed before its files are durable', [
    CHECKPOINT,
    'await manifest.close();\n    await files.syncDirectory(directory);',
    'await manifest.close();',
  ]),
  bug('a checkpoint takes what is current when it writes, not what it waited for', [
    CHECKPOINT,
    'async function writeCheckpoint({ env, directory }, target, { version, sequence }, call) {',
    'async function writeCheckpoint({ env, directory, versions }, target, { sequence }, call) {\n    const version = versions.current;',
  ]),
]

const CONDITIONS: readonly PlantedBug[] = [
  bug('a conditional write overlooks what is not visible yet', [
    MEMTABLE,
    'keyOffset, keySize), this.issuedCount);',
    'keyOffset, keySize), Atomics.load(this.arena.committed, 0));',
  ]),
  bug('a conditional write that stalls is not judged again', [
    WRITE_PATH,
    'if (memtable !== undefined && write.condition !== undefined && !write.condition.holds()) {',
    'if (false) {',
  ]),
  bug('a tombstone is dropped that a conditional write has to find', [
    VERSION_FILTER,
    'return !(kind === KIND_DELETE && this.#isBottom && sequence <= this.#oldest);',
    'return !(kind === KIND_DELETE && this.#isBottom);',
  ]),
  bug('a transaction depends on what it writes, and not on what it read', [
    TRANSACTIONS,
    'await this.#host.commit(own.packed, snapshot, readSet.toDependencies(), sync);',
    'const { keys } = readSet.toDependencies();\n                keys.clear();\n                await this.#host.commit(own.packed, snapshot, { keys, ranges: [] }, sync);',
  ]),
]

export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...LOGS,
  ...MANIFESTS,
  ...FLUSHES_AND_COMPACTIONS,
  ...RECOVERIES,
  ...CHECKPOINTS,
  ...CONDITIONS,
]
