/** `varve put KEY VALUE`: stores one value, durably. */
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'

export async function putKey(context: CommandContext, key: string, value: string): Promise<void> {
  await withStore(context, { create: true }, (store) => store.put(key, value, { sync: true }))
}
