/** `varve get KEY`: the value as it is stored, and a line end. */
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure } from '../failure.ts'
import { printable } from '../printable.ts'

export async function getKey(context: CommandContext, key: string): Promise<void> {
  const value = await withStore(context, { create: false }, (store) => store.get(key))
  if (value === undefined) {
    throw new CommandFailure(`no such key: ${printable(key, 200)}`)
  }
  await context.output.print(value)
  await context.output.print('\n')
}
