/** What must not be left when the threads of a stress test have gone: files, descriptors, handles, threads, memory. */
import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from 'varve'

const MIB = 1024 * 1024
/** What is let go is let go within so many looks. */
const LOOK_COUNT_MAX = 200
const LOOK_INTERVAL_MS = 50
/** Threads of the pool, which come and go. */
const POOL_THREAD_COUNT_MAX = 2
/** The runtime keeps some of what it had: buffers of threads, code, pages that its allocator does not give back. */
const RESIDENT_GROWTH_MAX_BYTES = 400 * MIB

export class LeakCheck {
  #threadCount = 0
  #residentSizeBytes = 0

  begin(): void {
    this.#threadCount = threadCount()
    this.#residentSizeBytes = process.memoryUsage.rss()
  }

  /** What is left although nobody needs it. */
  async find(store: Store): Promise<string[]> {
    await store.flush()
    for (let look = 0; ; look++) {
      const left = this.#look(store)
      if (left.length === 0 || look === LOOK_COUNT_MAX) {
        return left
      }
      await sleep(LOOK_INTERVAL_MS)
    }
  }

  #look(store: Store): string[] {
    const stats = store.stats()
    const tableCount = stats.levels.reduce((sum, level) => sum + level.tableCount, 0)
    const files = fs.readdirSync(store.directory).filter((name) => name.endsWith('.sst'))
    const open = openTableFiles(store.directory)
    const grown = process.memoryUsage.rss() - this.#residentSizeBytes
    const { arenas } = stats.memory.kinds
    const checks: readonly [boolean, string][] = [
      [stats.remoteStoreCount === 0, `${stats.remoteStoreCount} connections are left`],
      [stats.openSnapshotCount === 0, `${stats.openSnapshotCount} snapshots are left`],
      [stats.openIteratorCount === 0, `${stats.openIteratorCount} iterators are left`],
      [arenas.count === 1, `${arenas.count} memtables are left after a flush`],
      [arenas.sizeBytes <= 2 * MIB, `arenas of ${arenas.sizeBytes} bytes are held after a flush`],
      [files.length === tableCount, `there are files of ${files.length} tables, and the store has ${tableCount}`],
      [open.every((link) => !link.endsWith('(deleted)')), `deleted files are open: ${open.join(' ')}`],
      [open.length <= stats.memory.kinds.openTables.count, `${open.length} table files are open`],
      [
        threadCount() <= this.#threadCount + POOL_THREAD_COUNT_MAX,
        `there are ${threadCount()} threads, and were ${this.#threadCount}`,
      ],
      [grown < RESIDENT_GROWTH_MAX_BYTES, `the process has grown by ${Math.round(grown / MIB)} MiB`],
    ]
    return checks.filter(([isRight]) => !isRight).map(([, what]) => what)
  }
}

/** Of this process; 0 where the system does not tell. */
function threadCount(): number {
  return fs.existsSync('/proc/self/task') ? fs.readdirSync('/proc/self/task').length : 0
}

/** Files below a directory's tables that this process has open, where the system tells. */
function openTableFiles(directory: string): string[] {
  if (!fs.existsSync('/proc/self/fd')) {
    return []
  }
  return fs.readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const link = fs.readlinkSync(`/proc/self/fd/${name}`)
      return link.startsWith(directory) && link.includes('.sst') ? [link] : []
    } catch {
      // The descriptor of this very look.
      return []
    }
  })
}
