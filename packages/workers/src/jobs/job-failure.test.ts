import { CorruptionError, IoError, LockedError, UnsupportedError, VarveError } from '@varve/storage'
import { expect, test } from 'vitest'
import { JobCancelledError, jobError, toJobFailure } from './job-failure.ts'

function roundTrip(error: unknown): VarveError {
  return jobError(structuredClone(toJobFailure(error)))
}

test('corruption keeps class, path, offset and message', () => {
  const error = new CorruptionError('/a/000001.sst', 77, 'a block is torn')
  const back = roundTrip(error)
  expect(back).toBeInstanceOf(CorruptionError)
  expect(back).toMatchObject({ code: 'VARVE_CORRUPTION', path: error.path, offset: 77, message: error.message })
})

test('an I/O error keeps class, path, system code and message', () => {
  const error = new IoError('writing', '/a/000001.sst', Object.assign(new Error('full'), { code: 'ENOSPC' }))
  const back = roundTrip(error)
  expect(back).toBeInstanceOf(IoError)
  expect(back).toMatchObject({ code: 'VARVE_IO', path: error.path, systemCode: 'ENOSPC', message: error.message })
  expect(back.cause).toMatchObject({ code: 'ENOSPC' })
})

test('others keep code and message, and the stack of the thread that failed is in the cause', () => {
  const unsupported = new UnsupportedError('a newer kind')
  expect(roundTrip(unsupported)).toBeInstanceOf(UnsupportedError)
  for (const error of [unsupported, new LockedError('/a', 5), new JobCancelledError()]) {
    const back = roundTrip(error)
    expect(back).toMatchObject({ code: error.code, message: error.message })
    expect((back.cause as Error).stack).toBe(error.stack)
  }
  const broken = new TypeError('x is not a function')
  const back = roundTrip(broken)
  expect(back.code).toBe('VARVE_INTERNAL')
  expect((back.cause as Error).stack).toBe(broken.stack)
  expect(roundTrip('a string').message).toContain('a string')
})

test('only a cancelled job counts as cancelled', () => {
  expect(toJobFailure(new JobCancelledError()).cancelled).toBe(true)
  expect(toJobFailure(new VarveError('VARVE_ABORTED', 'other')).cancelled).toBe(false)
})
