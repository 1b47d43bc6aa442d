/** Faults, short transfers, slow calls, full disks, and what is reported as misuse. */
import { IoError, type File } from '@varve/storage'
import { expect, test } from 'vitest'
import { callText } from './call.ts'
import { HangError, SimulatedEnv } from './simulated-env.ts'

const BYTES = Buffer.from('0123456789')

function fileOn(env: SimulatedEnv, path = '/000001.wal'): File {
  return env.files.openSync(path, 'create')
}

/** Writes all ten bytes at `position`. */
function put(file: File, position = 0): number {
  return file.writeSync(BYTES, 0, BYTES.length, position)
}

function systemCodeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof IoError) {
      return error.systemCode
    }
    throw error
  }
  return undefined
}

test('the k-th call of a kind on a path fails, once or until it is lifted', () => {
  const { files, calls } = new SimulatedEnv(1)
  calls.faults.add({ kinds: ['create'], path: /\.sst$/, skipCount: 1, code: 'EIO' })
  const open = (name: string) => systemCodeOf(() => files.openSync(name, 'create'))
  const names = ['/000001.sst', '/000002.wal', '/000003.sst', '/000004.sst']
  expect(names.map(open)).toEqual([undefined, undefined, 'EIO', undefined])
  const lift = calls.faults.add({ kinds: ['create'], count: Number.POSITIVE_INFINITY, code: 'ENOSPC' })
  expect([open('/000005.sst'), open('/000006.wal')]).toEqual(['ENOSPC', 'ENOSPC'])
  lift()
  expect(open('/000007.wal')).toBe(undefined)
  expect(calls.faults.failed.map(({ path }) => path)).toEqual(['/000003.sst', '/000005.sst', '/000006.wal'])
})

test('a failing write does nothing, a part, or all', () => {
  const sizes = (['nothing', 'part', 'all'] as const).map((effect) => {
    const env = new SimulatedEnv(5)
    env.calls.faults.add({ kinds: ['write'], code: 'EIO', effect })
    const file = fileOn(env)
    expect(systemCodeOf(() => put(file))).toBe('EIO')
    return file.sizeSync()
  })
  expect(sizes[0]).toBe(0)
  expect(sizes[1]).toBeGreaterThan(0)
  expect(sizes[1]).toBeLessThan(10)
  expect(sizes[2]).toBe(10)
})

test('a file on which an operation failed can be closed', async () => {
  const env = new SimulatedEnv(1)
  const file = fileOn(env)
  env.calls.faults.add({ kinds: ['write'], code: 'EIO' })
  await expect(env.run(file.write(BYTES, 0, BYTES.length, 0))).rejects.toBeInstanceOf(IoError)
  await env.run(file.close())
  expect(env.calls.openCount).toBe(0)
})

test('what a failed sync dropped is seen, and is not made durable by a later sync', () => {
  const env = new SimulatedEnv(1)
  const file = fileOn(env)
  env.files.syncDirectorySync('/')
  put(file)
  env.calls.faults.add({ kinds: ['dataSync'], code: 'EIO', effect: 'dropped' })
  expect(systemCodeOf(() => file.dataSyncSync())).toBe('EIO')
  const again = new SimulatedEnv(2, env.disk.loseProcess())
  const reopened = again.files.openSync('/000001.wal', 'update')
  put(reopened, 10)
  reopened.dataSyncSync()
  expect(reopened.sizeSync()).toBe(20)
  const left = again.disk.losePower({ kept: 'nothing', seed: 1 }).image().get('/000001.wal') ?? new Uint8Array(0)
  expect([...left.subarray(0, 10)]).toEqual(Array.from({ length: 10 }, () => 0))
  expect(Buffer.from(left.subarray(10))).toEqual(BYTES)
})

test('reads and writes may be short', async () => {
  const env = new SimulatedEnv(1)
  env.calls.shortTransferChance = 1
  const file = fileOn(env)
  const written = put(file)
  expect(written).toBeLessThan(10)
  const read = await env.run(file.read(new Uint8Array(10), 0, 10, 0))
  expect(read).toBeGreaterThan(0)
  expect(read).toBeLessThan(10)
})

test('a full disk takes what fits, then nothing, and again when files have gone', async () => {
  const env = new SimulatedEnv(1)
  env.disk.capacityBytes = 15
  const file = fileOn(env, '/a')
  expect(put(file)).toBe(10)
  const other = fileOn(env, '/b')
  expect(put(other)).toBe(5)
  expect(systemCodeOf(() => put(other, 5))).toBe('ENOSPC')
  expect(systemCodeOf(() => fileOn(env, '/c'))).toBe('ENOSPC')
  await env.run(env.files.remove('/a'))
  expect(put(fileOn(env, '/d'))).toBe(10)
})

test('a slow call ends when its time has come, and others go on meanwhile', async () => {
  const env = new SimulatedEnv(1)
  const file = fileOn(env)
  env.calls.faults.add({ kinds: ['dataSync'], delayMs: 500 })
  const sinceMs = env.clock.nowMs()
  const order: string[] = []
  const slow = file.dataSync().then(() => order.push('slow'))
  const quick = file.write(BYTES, 0, 10, 0).then(() => order.push('quick'))
  await env.run(Promise.all([slow, quick]))
  expect(order).toEqual(['quick', 'slow'])
  expect(env.clock.nowMs() - sinceMs).toBeGreaterThan(500)
})

test('calls are counted, told of before and after, and listed', async () => {
  const env = new SimulatedEnv(1)
  const told: string[] = []
  env.calls.onCall = (moment, call) => void told.push(`${moment} ${callText(call)} ${env.disk.image().size}`)
  const file = fileOn(env)
  put(file)
  await env.run(env.files.rename('/000001.wal', '/000002.wal'))
  expect(env.calls.traceText()).toBe(
    '1 create /000001.wal\n2 write /000001.wal 0+10\n3 rename /000001.wal -> /000002.wal',
  )
  expect(told[0]).toBe('before 1 create /000001.wal 0')
  expect(told[1]).toBe('after 1 create /000001.wal 1')
  expect(told).toHaveLength(6)
})

test('what nobody may do is misuse, also when it is swallowed', async () => {
  const tries: ((env: SimulatedEnv, file: File) => unknown)[] = [
    (_env, file) => (file.closeSync(), put(file)),
    (_env, file) => (file.closeSync(), file.closeSync()),
    (_env, file) => (void file.dataSync(), file.closeSync()),
    (env) => (fileOn(env, '/000002.sst').closeSync(), put(env.files.openSync('/000002.sst', 'update'))),
    (env, file) => (
      env.calls.faults.add({ kinds: ['dataSync'], code: 'EIO' }),
      swallow(() => file.dataSyncSync()),
      put(file)
    ),
    (env, file) => (
      env.calls.faults.add({ kinds: ['write'], code: 'EIO' }),
      swallow(() => put(file)),
      file.dataSyncSync()
    ),
    (env) => env.forJobs.files.remove('/000001.wal'),
    (env) => env.forJobs.files.openSync('/000001.wal', 'update'),
    (env) => (void env.files.remove('/000001.wal'), env.clock.step(), fileOn(env)),
    (env) => put(env.files.openSync('/000001.wal', 'read')),
  ]
  for (const attempt of tries) {
    const env = new SimulatedEnv(1)
    const file = fileOn(env)
    swallow(() => attempt(env, file))
    await expect(env.run(Promise.resolve())).rejects.toThrow(/000001|000002/)
    await expect(env.run(Promise.resolve())).rejects.toHaveProperty('name', 'MisuseError')
  }
})

test('bytes that change while they are written are noticed', async () => {
  const env = new SimulatedEnv(1)
  const bytes = Buffer.from('abc')
  const written = fileOn(env).write(bytes, 0, 3, 0)
  bytes[0] = 0
  await expect(env.run(written)).rejects.toThrow('bytes change')
})

test('who waits for nothing is told so', async () => {
  const env = new SimulatedEnv(1)
  await expect(env.run(new Promise(() => undefined))).rejects.toBeInstanceOf(HangError)
})

test('a lock is had once until it is released, and by a new process after a death', async () => {
  const env = new SimulatedEnv(1)
  const lock = await env.run(env.files.lock('/LOCK'))
  expect(lock).toBeDefined()
  expect(await env.run(env.files.lock('/LOCK'))).toBe(undefined)
  const next = new SimulatedEnv(2, env.disk.loseProcess())
  expect(await next.run(next.files.lock('/LOCK'))).toBeDefined()
  await env.run(lock?.release() ?? Promise.resolve())
  expect(await env.run(env.files.lock('/LOCK'))).toBeDefined()
})

test('immediates run in order, timers when they are due, and who comes first else is drawn', async () => {
  const orders = Array.from({ length: 20 }, async (_, seed) => {
    const env = new SimulatedEnv(seed)
    const order: string[] = []
    env.clock.after(2, () => order.push('late'))
    env.clock.after(1, () => order.push('early'))
    const cancel = env.clock.after(1.5, () => order.push('never'))
    cancel()
    void env.files.list('/').then(() => order.push('file'))
    env.clock.immediate(() => order.push('first'))
    env.clock.immediate(() => order.push('second'))
    while (order.length < 5) {
      env.clock.step()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return order.join(' ')
  })
  const drawn = new Set(await Promise.all(orders))
  expect(drawn.size).toBeGreaterThan(1)
  for (const order of drawn) {
    expect(order).toMatch(/first.*second/)
    expect(order).toMatch(/early.*late/)
    expect(order).not.toMatch('never')
  }
})

function swallow(run: () => unknown): void {
  try {
    void Promise.resolve(run()).catch(() => undefined)
  } catch {
    // Misuse is remembered by the Env.
  }
}
