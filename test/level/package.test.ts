/** `@varve/level` as others load it: by import and by require, with types for both, and with nothing to build. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type * as imported from '@varve/level'
import { AbstractLevel } from 'abstract-level'
import { expect, test } from 'vitest'
import { makeScratchDirectory } from '../harness/scratch-directory.ts'

const packageDirectory = fileURLToPath(new URL('../../packages/level', import.meta.url))
const run = promisify(execFile)
const toolOf = (name: string): string => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url))

test('require gives the same module as import', () => {
  const required = createRequire(import.meta.url)('@varve/level') as typeof imported
  expect(Object.keys(required)).toEqual(['VarveLevel'])
  expect(required.VarveLevel.prototype).toBeInstanceOf(AbstractLevel)
})

test('in a process that requires and imports it there is one class, and no warning', async () => {
  const script = `
    const { VarveLevel } = require('@varve/level')
    import('@varve/level').then(async (imported) => {
      const db = new VarveLevel(process.argv[1], { valueEncoding: 'json' })
      await db.put('a', { n: 1 })
      console.log(imported.VarveLevel === VarveLevel, (await db.get('a')).n, db.supports.encodings.view)
      await db.close()
    })`
  const { stdout, stderr } = await run(
    process.execPath,
    ['-e', script, '--', join(makeScratchDirectory('level'), 'db')],
    {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    },
  )
  expect({ stdout, stderr }).toEqual({ stdout: 'true 1 true\n', stderr: '' })
})

test('publint and arethetypeswrong find nothing', { timeout: 120_000 }, async () => {
  const lint = await run(toolOf('publint'), [packageDirectory, '--pack', 'npm', '--strict'])
  expect(lint.stdout).toContain('All good!')
  const directory = makeScratchDirectory('pack')
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], { cwd: packageDirectory })
  const [archive = ''] = readdirSync(directory)
  const types = await run(toolOf('attw'), [join(directory, archive), '--format', 'ascii', '--no-emoji'])
  expect(types.stdout).toContain('No problems found')
})
