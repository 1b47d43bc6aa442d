/** A call of the file system, as traces show it and faults choose it. */

export type CallKind =
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'dataSync'
  | 'truncate'
  | 'close'
  | 'look'
  | 'list'
  | 'rename'
  | 'link'
  | 'copy'
  | 'remove'
  | 'makeDirectory'
  | 'removeDirectory'
  | 'syncDirectory'
  | 'lock'

export interface CallRequest {
  /** Given to it when it is made. */
  index?: number
  readonly kind: CallKind
  readonly path: string
  /** Where a read or write begins, or what a truncation leaves. */
  readonly position?: number
  readonly sizeBytes?: number
  /** Where a rename, link or copy leads. */
  readonly to?: string
}

export interface Call extends CallRequest {
  /** The first call of an Env is 1. */
  index: number
}

export function callText({ index, kind, path, position, sizeBytes, to }: Call): string {
  const range = position === undefined ? '' : ` ${position}${sizeBytes === undefined ? '' : `+${sizeBytes}`}`
  return `${index} ${kind} ${path}${to === undefined ? '' : ` -> ${to}`}${range}`
}
