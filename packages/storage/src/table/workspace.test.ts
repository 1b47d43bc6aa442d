import { expect, test } from 'vitest'
import { Workspace } from './workspace.ts'

test('regions do not overlap, are used again, and fall back to arrays of their own', () => {
  const workspace = new Workspace(100)
  const a = workspace.take(40)
  const b = workspace.take(40)
  const c = workspace.take(40)
  expect([a.offset, b.offset]).toEqual([0, 40])
  expect(b.bytes).toBe(a.bytes)
  expect(c.bytes).not.toBe(a.bytes)
  workspace.giveBack(a)
  const d = workspace.take(30)
  const e = workspace.take(20)
  expect([d.offset, e.offset, e.bytes === a.bytes]).toEqual([0, 80, true])
  expect(workspace.take(10).offset).toBe(30)
  workspace.giveBack(c)
  workspace.giveBack(b)
  expect(workspace.take(40).offset).toBe(40)
  expect(() => workspace.giveBack(a)).toThrow('given back once')
})
