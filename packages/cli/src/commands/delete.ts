/** `varve delete KEY`: a key that is not there is deleted as well as one that is. */
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'

export async function deleteKey(context: CommandContext, key: string): Promise<void> {
  await withStore(context, { create: false }, (store) => store.delete(key, { sync: true }))
}
