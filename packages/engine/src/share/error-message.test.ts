import {
  BusyError,
  ClosedError,
  ConflictError,
  CorruptionError,
  InvalidArgumentError,
  IoError,
  LockedError,
  ReadOnlyError,
  UnsupportedError,
  VarveError,
} from '@varve/storage'
import { expect, test } from 'vitest'
import { decodeError, encodeError } from './error-message.ts'

const system = Object.assign(new Error('no space'), { code: 'ENOSPC' })
const ERRORS: readonly VarveError[] = [
  new VarveError('VARVE_ABORTED', 'stopped', { cause: 'reason' }),
  new InvalidArgumentError('wrong'),
  new ClosedError('closed', { cause: new ReadOnlyError('read only', { cause: system }) }),
  new LockedError('/d', 7),
  new LockedError('/d', undefined),
  new ReadOnlyError('read only', { cause: new IoError('writing', '/d/1.wal', system) }),
  new BusyError('busy'),
  new ConflictError('changed', Buffer.from('key')),
  new CorruptionError('/d/1.sst', 42, 'it is bent', { cause: new RangeError('beyond') }),
  new UnsupportedError('newer'),
  new IoError('reading', '/d/1.sst', system),
]

function across(error: unknown): Error {
  return decodeError(structuredClone(encodeError(error)))
}

test.each(ERRORS.map((error) => [error.name, error] as const))('%s crosses whole', (_name, error) => {
  const crossed = across(error)
  expect(crossed).toBeInstanceOf(error.constructor)
  expect(crossed.constructor).toBe(error.constructor)
  expect([crossed.message, crossed.stack]).toEqual([error.message, error.stack])
  const fields = Object.fromEntries(Object.entries(error))
  expect(Object.fromEntries(Object.entries(crossed))).toEqual(
    'key' in fields ? { ...fields, key: new Uint8Array(Buffer.from('key')) } : fields,
  )
  const { cause } = error
  if (cause instanceof Error) {
    expect(crossed.cause).toBeInstanceOf(cause instanceof VarveError ? cause.constructor : Error)
    expect(crossed.cause).toMatchObject({ name: cause.name, message: cause.message })
    expect((crossed.cause as { code?: unknown }).code).toBe((cause as { code?: unknown }).code)
  }
})

test('what is no error of the store stays recognisable, and causes end somewhere', () => {
  expect(across(system)).toMatchObject({ name: 'Error', message: 'no space', code: 'ENOSPC', stack: system.stack })
  expect(across('text').message).toBe('text')
  const circle = new Error('round')
  circle.cause = circle
  let depth = 0
  for (let error: unknown = across(circle); error instanceof Error; error = error.cause) {
    depth++
  }
  expect(depth).toBe(9)
})

test('a key that is a slice of a pool does not take the pool along', () => {
  const key = Buffer.from('pooled')
  expect(key.buffer.byteLength).toBeGreaterThan(100)
  const { fields } = encodeError(new ConflictError('changed', key))
  expect((fields['key'] as Uint8Array).buffer.byteLength).toBe(6)
})
