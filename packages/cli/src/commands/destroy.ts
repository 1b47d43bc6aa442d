/** `varve destroy --yes`: deletes a store and everything in it. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { destroy } from 'varve'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure, exitCodes } from '../failure.ts'

export interface DestroyOptions {
  readonly yes?: boolean
}

export async function destroyStore(context: CommandContext, { yes = false }: DestroyOptions): Promise<void> {
  const directory = resolve(context.directory)
  if (!yes) {
    throw new CommandFailure(`this deletes everything in ${directory}: add --yes if that is meant`, exitCodes.usage)
  }
  if (!existsSync(directory)) {
    throw new CommandFailure(`no store in ${directory}`)
  }
  await destroy(context.directory)
  await context.output.printLine(`Deleted the store in ${directory}`)
}
