import { expect, test } from 'vitest'
import { countSyncs } from './sync-trace.ts'

const MARK = '10 access("/varve-bench-mark", F_OK) = -1 ENOENT (No such file or directory)'

test('counts what stands between the marks, of all threads', () => {
  const trace = [
    '10 fsync(3)                          = 0',
    MARK,
    '11 fdatasync(21)                     = 0',
    '12 fdatasync(22 <unfinished ...>',
    '11 pwrite64(21, "x", 1, 0)           = 1',
    '12 <... fdatasync resumed>)          = 0',
    '12 msync(0x7f0000000000, 4096, MS_SYNC) = 0',
    MARK,
    '10 fsync(3)                          = 0',
  ].join('\n')
  expect(countSyncs(trace)).toEqual({ syncCount: 3, syncedWriteCount: 0 })
})

test('writes to files that are opened synced count, until they are closed', () => {
  const trace = [
    '10 openat(AT_FDCWD, "/a/data.mdb", O_RDWR|O_DSYNC|O_CLOEXEC) = 19',
    '11 openat(AT_FDCWD, "/a/log", O_WRONLY|O_SYNC <unfinished ...>',
    '11 <... openat resumed>)             = 20',
    '10 openat(AT_FDCWD, "/a/plain", O_RDWR) = 21',
    MARK,
    '10 pwrite64(19, "x", 1, 0)           = 1',
    '10 write(20, "x", 1)                 = 1',
    '10 write(21, "x", 1)                 = 1',
    '10 close(19)                         = 0',
    '10 pwrite64(19, "x", 1, 0)           = 1',
    MARK,
  ].join('\n')
  expect(countSyncs(trace)).toEqual({ syncCount: 0, syncedWriteCount: 2 })
})

test('without both marks nothing is counted', () => {
  expect(() => countSyncs(`${MARK}\n10 fsync(3) = 0`)).toThrow(/1 marks instead of 2/)
})
