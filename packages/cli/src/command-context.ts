/** What every command is given, and the one way in which commands open the store. */
import { resolve } from 'node:path'
import { open, VarveError } from 'varve'
import type { Store } from 'varve'
import { CommandFailure, describeFailure } from './failure.ts'
import type { Interruption } from './interruption.ts'
import type { Output } from './output.ts'
import type { ProgressStream } from './progress.ts'

export const defaultDirectory = '.varve-data'

/** What the process gives to whatever runs in it. */
export interface Surroundings {
  readonly output: Output
  readonly interruption: Interruption
  readonly progressStream: ProgressStream
}

export interface CommandContext extends Surroundings {
  /** As the user gave it. */
  readonly directory: string
}

export interface OpenChoice {
  /** Whether a directory without a store gets one, or is a failure. */
  readonly create: boolean
  /** The largest value that may be put, where it is not the default. */
  readonly valueSizeBytesMax?: number
}

/** Opens the store, hands it to `use` and closes it, whatever happens. */
export async function withStore<T>(
  context: CommandContext,
  choice: OpenChoice,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(context.directory, choice)
  const told = new Set<string>()
  store.on('error', (error) => {
    // Work in the background is tried again and again, with new file numbers: one line a kind of fault is enough.
    const kind = error.message.replaceAll(/\d+/g, '')
    if (!told.has(kind)) {
      told.add(kind)
      context.output.complain(describeFailure(error).text)
    }
  })
  let result: T
  try {
    result = await use(store)
  } catch (error) {
    // The first failure is the one to tell; one of closing after it would hide it.
    await store.close().catch(() => undefined)
    throw error
  }
  await store.close()
  return result
}

async function openStore(directory: string, { create, ...options }: OpenChoice): Promise<Store> {
  try {
    return await open(directory, { ...options, createIfMissing: create })
  } catch (error) {
    if (error instanceof VarveError && error.code === 'VARVE_NOT_FOUND') {
      throw new CommandFailure(`no store in ${resolve(directory)}: import a file or put a key to create one`)
    }
    throw error
  }
}
