import { VarveError } from '@varve/storage'

/** @throws VarveError with code VARVE_ABORTED, and the signal's reason as cause */
export function throwIfAborted(signal: AbortSignal | undefined, what = 'the read'): void {
  if (signal?.aborted === true) {
    throw new VarveError('VARVE_ABORTED', `${what} was aborted`, { cause: signal.reason })
  }
}
