/** Connects a thread to a store that another one has open. */
import { MessagePort } from 'node:worker_threads'
import { ClosedError, InvalidArgumentError } from '@varve/storage'
import { checkNames, describe } from '../../options.ts'
import type { OwnerMessage, RemoteMessage, Welcome } from '../messages.ts'
import { RemoteParts, type RemoteCacheSizes } from './remote-parts.ts'
import { RemoteStore } from './remote-store.ts'

export interface ConnectOptions {
  /** Blocks of tables kept in this thread's memory, in bytes. Default: 32 MiB; 0 keeps none. */
  readonly blockCacheSizeBytes?: number | undefined
  /** Table files that this thread keeps open. Default: 200. */
  readonly openTableCountMax?: number | undefined
}

const DEFAULTS: RemoteCacheSizes = { blockCacheSizeBytes: 32 * 1024 * 1024, openTableCountMax: 200 }
const OPTION_NAMES: ReadonlySet<string> = new Set(Object.keys(DEFAULTS))
const MINIMA: RemoteCacheSizes = { blockCacheSizeBytes: 0, openTableCountMax: 1 }

/**
 * The store behind a port of `store.share()`, which must have been transferred to this thread. A port connects once.
 * Rejects with VARVE_CLOSED if the store or its thread ends first, VARVE_INVALID_ARGUMENT.
 */
export async function connect(port: MessagePort, options?: ConnectOptions): Promise<RemoteStore> {
  if (!(port instanceof MessagePort)) {
    throw new InvalidArgumentError(`connect takes the MessagePort of store.share(), not ${describe(port)}`)
  }
  const sizes = resolveSizes(options)
  const welcome = await hello(port)
  return new RemoteStore(new RemoteParts(port, welcome, sizes))
}

async function hello(port: MessagePort): Promise<Welcome> {
  return await new Promise<Welcome>((resolve, reject) => {
    const fail = (error: Error): void => {
      port.off('message', onMessage)
      port.off('close', onClose)
      reject(error)
    }
    const onClose = (): void =>
      fail(new ClosedError('the port leads to no store: it is closed, or was used, or its thread has ended'))
    const onMessage = (message: OwnerMessage): void => {
      if (message.kind === 'welcome') {
        port.off('message', onMessage)
        port.off('close', onClose)
        resolve(message)
      } else {
        fail(new ClosedError('the store is closed'))
      }
    }
    port.on('message', onMessage)
    port.on('close', onClose)
    port.postMessage({ kind: 'hello' } satisfies RemoteMessage)
  })
}

function resolveSizes(options: ConnectOptions = {}): RemoteCacheSizes {
  checkNames(options, OPTION_NAMES, 'connect')
  const resolve = (name: keyof RemoteCacheSizes): number => {
    const value = options[name] ?? DEFAULTS[name]
    if (!Number.isSafeInteger(value) || value < MINIMA[name]) {
      throw new InvalidArgumentError(
        `option ${name} must be a whole number from ${MINIMA[name]} on, not ${describe(value)}`,
      )
    }
    return value
  }
  return {
    blockCacheSizeBytes: resolve('blockCacheSizeBytes'),
    openTableCountMax: resolve('openTableCountMax'),
  }
}
