/** Damage to one block of a table hinders reads of what that block holds, and nothing else: not open, not other keys. */
import { expect, test } from 'vitest'
import { CorruptionError, open } from 'varve'
import type { Store } from 'varve'
import { BlockCursor, ROLE_DATA, TableReader, parseFileName } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import path from 'node:path'
import { blocksOf } from './file-layout.ts'
import type { BlockExtent } from './file-layout.ts'
import { ImageFiles, imageEnv } from './image-files.ts'
import type { Image } from './image-files.ts'
import { DIRECTORY, SMALL_OPTIONS, makeStoreImage } from './store-image.ts'

/** The keys of a data block, in order. */
function keysOf(image: Image, file: string, block: BlockExtent | undefined): string[] {
  const { start, end } = block ?? { start: 0, end: 0 }
  const number = parseFileName(path.basename(file))?.number
  const sizeBytes = image.get(file)?.length ?? 0
  if (number === undefined) {
    throw new Error(`${file} has no number`)
  }
  const table = TableReader.openSync(new ImageFiles(image).openSync(file, 'read'), number, sizeBytes)
  const cursor = new BlockCursor()
  cursor.reset(table.readBlockSync(start, end - start - 5, ROLE_DATA))
  const keys: string[] = []
  while (cursor.next()) {
    keys.push(Buffer.from(cursor.key.subarray(0, cursor.keySize)).toString())
  }
  return keys
}

/** Reads from `from` on, in one direction. */
async function scan(store: Store, from: string, reverse: boolean): Promise<string[]> {
  const keys: string[] = []
  for await (const key of store.keys(reverse ? { lt: from, reverse } : { gt: from })) {
    keys.push(key.toString())
  }
  return keys
}

test('R8: only what a damaged block holds cannot be read', async () => {
  const { image, states } = await makeStoreImage('closed')
  const state = states[0] ?? new Map<string, string>()
  let hinderedCount = 0
  for (const file of [...image.keys()].filter((name) => name.endsWith('.sst'))) {
    const blocks = blocksOf(image, file).filter(({ role }) => role === ROLE_DATA)
    for (const [i, block] of blocks.entries()) {
      const { start } = block
      const inBlock = keysOf(image, file, block)
      const [first = '', last = ''] = [inBlock[0], inBlock.at(-1)]
      const bytes = image.get(file) ?? new Uint8Array(0)
      const env = imageEnv(new Map(image).set(file, bytes.with(start + 3, (bytes[start + 3] ?? 0) ^ 4)))
      const executor = createInlineExecutor(env)
      const store = await open(DIRECTORY, { ...SMALL_OPTIONS, levelOneSizeBytes: 2 ** 30 }, { env, executor })
      for (const [key, value] of state) {
        try {
          expect(store.getSync(key)?.toString()).toBe(value)
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptionError)
          expect(error).toMatchObject({ path: file, offset: start })
          expect(key >= first && key <= last, `${key} lies outside of ${first} to ${last}`).toBe(true)
          hinderedCount++
        }
      }
      // A scan that begins in the gap beside the block has to look into it.
      const behind = blocks[i + 1] === undefined ? 'z' : (keysOf(image, file, blocks[i + 1])[0] ?? '')
      const before = blocks[i - 1] === undefined ? '' : (keysOf(image, file, blocks[i - 1]).at(-1) ?? '')
      expect(await scan(store, behind, false)).toEqual([...state.keys()].filter((key) => key > behind))
      expect(await scan(store, before, true)).toEqual([...state.keys()].filter((key) => key < before).toReversed())
      await store.put('key-new', 'value', { sync: true })
      await store.flush()
      await store.close()
    }
  }
  expect(hinderedCount).toBeGreaterThan(state.size)
})
