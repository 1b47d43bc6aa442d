/**
 * A copy of a database's directory, to be opened instead of it: whoever opens a database writes to it. Tables never
 * change once they are written, so that they are linked where the file system can; everything else is copied.
 */
import { constants } from 'node:fs'
import { copyFile, link, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CommandFailure } from '../failure.ts'

const TABLE_NAME = /\.(ldb|sst)$/

/** Name, size and time of each file: what changes when somebody writes. */
type Listing = ReadonlyMap<string, string>

export class DatabaseCopy {
  readonly directory: string
  readonly #source: string
  readonly #listing: Listing

  private constructor(source: string, directory: string, listing: Listing) {
    this.#source = source
    this.directory = directory
    this.#listing = listing
  }

  /**
   * @param beside the copy is made in the same directory as this, which has room for a copy anyway
   * @throws CommandFailure if the source is no directory, or is written to meanwhile
   */
  static async make(source: string, beside: string): Promise<DatabaseCopy> {
    const listing = await listingOf(source)
    const parent = dirname(beside)
    await mkdir(parent, { recursive: true })
    const directory = await mkdtemp(join(parent, '.varve-import-'))
    const copy = new DatabaseCopy(source, directory, listing)
    try {
      for (const name of listing.keys()) {
        await copyOrLink(join(source, name), join(directory, name))
      }
      await copy.checkSource()
      return copy
    } catch (error) {
      await copy.remove()
      throw error
    }
  }

  /** @throws CommandFailure if the source is not what it was */
  async checkSource(): Promise<void> {
    const now = await listingOf(this.#source)
    const changed = [...new Set([...this.#listing.keys(), ...now.keys()])].find(
      (name) => this.#listing.get(name) !== now.get(name),
    )
    if (changed !== undefined) {
      throw new CommandFailure(
        `${join(this.#source, changed)} changed during the import: close the database where it is open, and import again`,
      )
    }
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }
}

async function listingOf(directory: string): Promise<Listing> {
  const listing = new Map<string, string>()
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isFile()) {
      const { size, mtimeMs } = await lstat(join(directory, entry.name))
      listing.set(entry.name, `${size} ${mtimeMs}`)
    }
  }
  if (listing.size === 0) {
    throw new CommandFailure(`there is nothing in ${directory}`)
  }
  return listing
}

async function copyOrLink(from: string, to: string): Promise<void> {
  if (TABLE_NAME.test(from)) {
    try {
      await link(from, to)
      return
    } catch {
      // Another file system, or one without links: a copy does as well, and says what is wrong with the file itself.
    }
  }
  await copyFile(from, to, constants.COPYFILE_FICLONE)
}
