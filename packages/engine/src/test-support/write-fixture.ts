/** The write path's lower half in memory: log, memtable, commit queue and syncer, driven turn by turn. */
import {
  KIND_PUT,
  WAL_HEADER_SIZE_BYTES,
  WalEntryReader,
  fileNumber,
  hashKey,
  readWalGroup,
  type WalGroup,
} from '@varve/storage'
import { LoopGuard } from '../loop-guard.ts'
import { ArenaPool } from '../memtable/arena.ts'
import { Memtable } from '../memtable/memtable.ts'
import { Wal } from '../wal/wal.ts'
import { WalSyncer } from '../wal/wal-syncer.ts'
import { CommitQueue } from '../write/commit-queue.ts'
import { MemoryEnv, settle } from './memory-env.ts'

export const HASH_SEED = 77
const ARENA_SIZE_BYTES = 4 * 1024 * 1024

export interface Outcome {
  state: 'pending' | 'done' | 'failed'
  error?: unknown
}

export class WriteFixture {
  readonly env: MemoryEnv = new MemoryEnv()
  readonly syncFailures: unknown[] = []
  readonly failures: unknown[] = []
  readonly settled: Memtable[] = []
  readonly syncer: WalSyncer = new WalSyncer((error) => this.syncFailures.push(error))
  readonly arenas: ArenaPool = new ArenaPool(ARENA_SIZE_BYTES, 2)
  readonly commits: CommitQueue
  memtable: Memtable
  #walNumber = 10

  constructor(lastSequence = 100) {
    const { env, syncer } = this
    this.commits = new CommitQueue(env, new LoopGuard(env), syncer, lastSequence, {
      onVisible: () => undefined,
      onSettled: (memtable) => this.settled.push(memtable),
      onFailure: (error) => this.failures.push(error),
    })
    this.memtable = this.#createMemtable(lastSequence + 1)
  }

  /** Another log and memtable; the open group is closed. */
  freeze(): Memtable {
    const before = this.memtable
    this.commits.closeGroup()
    this.memtable = this.#createMemtable(this.commits.nextSequence)
    return before
  }

  put(key: string, value: string | Uint8Array = '', sync = false): Outcome {
    const { memtable, commits } = this
    const group = commits.openGroup(memtable)
    memtable.add(KIND_PUT, key, Buffer.byteLength(key), value, Buffer.byteLength(value))
    return outcomeOf(commits.added(group, 1, sync))
  }

  sync(): Outcome {
    return outcomeOf(this.commits.sync())
  }

  /** Whether a reader sees the key now. */
  sees(key: string, memtable: Memtable = this.memtable): boolean {
    const bytes = Buffer.from(key)
    const hash = hashKey(bytes, 0, bytes.length, HASH_SEED)
    return memtable.find(bytes, bytes.length, hash, this.commits.visibleSequence) >= 0
  }

  /** What stands in a log's file: the keys of each of its groups. */
  groupsOf(wal: Wal = this.memtable.wal): { readonly group: WalGroup; readonly keys: string[] }[] {
    const bytes = this.env.files.bytesOf(wal.path)
    const groups: { group: WalGroup; keys: string[] }[] = []
    let offset = WAL_HEADER_SIZE_BYTES
    for (;;) {
      const group = readWalGroup(bytes, bytes.length, wal.header, offset)
      if (group === undefined) {
        return groups
      }
      groups.push({ group, keys: keysOf(bytes, group) })
      offset = group.endOffset
    }
  }

  #createMemtable(firstSequence: number): Memtable {
    const wal = new Wal(this.env, '/d', fileNumber(this.#walNumber++))
    this.syncer.add(wal)
    return new Memtable(this.arenas.take(ARENA_SIZE_BYTES), wal, firstSequence, HASH_SEED)
  }
}

function outcomeOf(promise: Promise<void>): Outcome {
  const outcome: Outcome = { state: 'pending' }
  promise.then(
    () => {
      outcome.state = 'done'
    },
    (error: unknown) => {
      outcome.state = 'failed'
      outcome.error = error
    },
  )
  return outcome
}

function keysOf(bytes: Buffer, group: WalGroup): string[] {
  const reader = new WalEntryReader()
  reader.reset(bytes, group.payloadOffset, group.endOffset, 'a log')
  const keys: string[] = []
  while (reader.next()) {
    keys.push(bytes.toString('utf8', reader.keyOffset, reader.keyOffset + reader.keySize))
  }
  return keys
}

/** A fixture whose first log is ready. */
export async function readyFixture(lastSequence = 100): Promise<WriteFixture> {
  const fixture = new WriteFixture(lastSequence)
  await settle()
  return fixture
}
