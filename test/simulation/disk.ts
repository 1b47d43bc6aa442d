/**
 * A disk in memory: a tree of directories and files that knows of every write and every directory operation whether it
 * is durable. Paths are absolute, without `.` and without a slash at the end. It knows nothing of open files, of time or
 * of faults.
 */
import { CrashPlan, type PowerLoss } from './crash-state.ts'
import { DirectoryContent, type Node } from './directory-content.ts'
import { DiskSnapshot } from './disk-snapshot.ts'
import { FileContent } from './file-content.ts'

/** As the system would report it; `SimulatedFiles` makes it an IoError. */
export class SystemError extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.name = 'SystemError'
    this.code = code
  }
}

export class SimulatedDisk {
  readonly root: DirectoryContent
  /** Files may not take more than this. */
  capacityBytes: number = Number.POSITIVE_INFINITY
  #serial: number

  constructor(root: DirectoryContent = new DirectoryContent(), serial = 0) {
    this.root = root
    this.#serial = serial
  }

  nextSerial(): number {
    return this.#serial++
  }

  /** The disk at this moment, from which crash states can be made at any later time. */
  snapshot(): DiskSnapshot {
    return new DiskSnapshot(this.root, this.#serial)
  }

  /** A new disk as a loss of power at this moment may leave it. */
  losePower(loss: PowerLoss): SimulatedDisk {
    return diskAfter(this.snapshot(), loss)
  }

  /** A new disk as the death of the process at this moment leaves it: nothing is lost, and what was unsynced still is. */
  loseProcess(): SimulatedDisk {
    return diskAfter(this.snapshot(), 'process-death')
  }

  find(path: string): Node | undefined {
    let node: Node | undefined = this.root
    for (let start = 1; start < path.length;) {
      if (!(node instanceof DirectoryContent)) {
        return undefined
      }
      const slash = path.indexOf('/', start)
      const end = slash < 0 ? path.length : slash
      node = node.find(path.slice(start, end))
      start = end + 1
    }
    return node
  }

  findFile(path: string): FileContent {
    const node = this.find(path)
    if (node instanceof FileContent) {
      return node
    }
    throw new SystemError(node === undefined ? 'ENOENT' : 'EISDIR')
  }

  findDirectory(path: string): DirectoryContent {
    const node = this.find(path)
    if (node instanceof DirectoryContent) {
      return node
    }
    throw new SystemError(node === undefined ? 'ENOENT' : 'ENOTDIR')
  }

  createFile(path: string): FileContent {
    const { parent, name } = this.#place(path)
    if (parent.find(name) !== undefined) {
      throw new SystemError('EEXIST')
    }
    const node = new FileContent()
    parent.happen({ serial: this.nextSerial(), kind: 'link', name, node })
    return node
  }

  makeDirectory(path: string): void {
    let directory = this.root
    for (const name of partsOf(path)) {
      let node = directory.find(name)
      if (node === undefined) {
        node = new DirectoryContent()
        directory.happen({ serial: this.nextSerial(), kind: 'link', name, node })
      }
      if (!(node instanceof DirectoryContent)) {
        throw new SystemError('ENOTDIR')
      }
      directory = node
    }
  }

  rename(from: string, to: string): void {
    const source = this.#place(from)
    const target = this.#place(to)
    const node = source.parent.find(source.name)
    if (node === undefined) {
      throw new SystemError('ENOENT')
    }
    if (target.parent.find(target.name) instanceof DirectoryContent) {
      throw new SystemError('EISDIR')
    }
    if (source.parent === target.parent) {
      source.parent.happen({ serial: this.nextSerial(), kind: 'rename', from: source.name, to: target.name, node })
      return
    }
    const link = { serial: this.nextSerial(), kind: 'link', name: target.name, node } as const
    target.parent.happen(link)
    source.parent.happen({ serial: this.nextSerial(), kind: 'unlink', name: source.name, node, after: link })
  }

  /** A second name of the same file. */
  link(from: string, to: string): void {
    const node = this.findFile(from)
    const { parent, name } = this.#place(to)
    if (parent.find(name) !== undefined) {
      throw new SystemError('EEXIST')
    }
    parent.happen({ serial: this.nextSerial(), kind: 'link', name, node })
  }

  copyFile(from: string, to: string): void {
    const bytes = this.findFile(from).bytes().slice()
    if (this.freeBytes() < bytes.length) {
      throw new SystemError('ENOSPC')
    }
    this.createFile(to).write(this.nextSerial(), 0, bytes)
  }

  removeFile(path: string): void {
    const { parent, name } = this.#place(path)
    const node = this.findFile(path)
    parent.happen({ serial: this.nextSerial(), kind: 'unlink', name, node })
  }

  removeDirectory(path: string): void {
    const { parent, name } = this.#place(path)
    const node = this.findDirectory(path)
    if (node.names.length > 0) {
      throw new SystemError('ENOTEMPTY')
    }
    parent.happen({ serial: this.nextSerial(), kind: 'unlink', name, node })
  }

  /** How many bytes may still be written. */
  freeBytes(): number {
    return this.capacityBytes === Number.POSITIVE_INFINITY
      ? this.capacityBytes
      : this.capacityBytes - sizeOfTree(this.root)
  }

  /** Every file with its bytes, as a reader sees them now, by path. */
  image(): Map<string, Uint8Array> {
    const image = new Map<string, Uint8Array>()
    collect(this.root, '', image)
    return image
  }

  #place(path: string): { readonly parent: DirectoryContent; readonly name: string } {
    const slash = path.lastIndexOf('/')
    return { parent: this.findDirectory(path.slice(0, slash)), name: path.slice(slash + 1) }
  }
}

export type Crash = PowerLoss | 'process-death'

/** A new disk as a crash at the moment of the snapshot may leave it. */
export function diskAfter(snapshot: DiskSnapshot, crash: Crash): SimulatedDisk {
  const root = crash === 'process-death' ? snapshot.copy() : new CrashPlan(snapshot, crash).root()
  return new SimulatedDisk(root, snapshot.serial)
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '')
}

function sizeOfTree(node: Node): number {
  return node instanceof FileContent ? node.sizeBytes : node.nodes.reduce((sum, inner) => sum + sizeOfTree(inner), 0)
}

function collect(directory: DirectoryContent, path: string, image: Map<string, Uint8Array>): void {
  for (const name of directory.names.toSorted()) {
    const node = directory.find(name)
    if (node instanceof FileContent) {
      image.set(`${path}/${name}`, node.bytes())
    } else if (node !== undefined) {
      collect(node, `${path}/${name}`, image)
    }
  }
}
