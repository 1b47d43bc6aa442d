/**
 * The names of a store's files, and nothing else: which file is what is decided by its name alone.
 *
 *     CURRENT   LOCK   MANIFEST-000007   000012.wal   000015.sst   lost/
 *
 * File numbers have at least six digits, and are compared as numbers: as strings 1000000 would come before 999999.
 */

declare const fileNumberBrand: unique symbol

/** Drawn from one counter for logs, tables and manifests; never used twice. The first is 1; 0 is "no file". */
export type FileNumber = number & { readonly [fileNumberBrand]: true }

export function fileNumber(value: number): FileNumber {
  return value as FileNumber
}

/** Numbers beyond this do not fit their names. */
export const FILE_NUMBER_MAX: number = 10 ** 15 - 1

export const CURRENT_FILE_NAME = 'CURRENT'
export const CURRENT_TEMPORARY_FILE_NAME = 'CURRENT.tmp'
export const LOCK_FILE_NAME = 'LOCK'
export const LOST_DIRECTORY_NAME = 'lost'

export function walFileName(number: FileNumber): string {
  return `${digits(number)}.wal`
}

export function tableFileName(number: FileNumber): string {
  return `${digits(number)}.sst`
}

export function manifestFileName(number: FileNumber): string {
  return `MANIFEST-${digits(number)}`
}

export type NumberedFileKind = 'wal' | 'table' | 'manifest'

export interface NumberedFile {
  readonly kind: NumberedFileKind
  readonly number: FileNumber
}

/** What a name in a store's directory says, or `undefined` if it is not the name of a numbered file. */
export function parseFileName(name: string): NumberedFile | undefined {
  const match = /^(?:MANIFEST-(\d{6,15})|(\d{6,15})\.(wal|sst))$/.exec(name)
  if (match === null) {
    return undefined
  }
  const number = fileNumber(Number(match[1] ?? match[2]))
  const kind = match[1] !== undefined ? 'manifest' : match[3] === 'wal' ? 'wal' : 'table'
  const written =
    kind === 'manifest' ? manifestFileName(number) : kind === 'wal' ? walFileName(number) : tableFileName(number)
  return written === name ? { kind, number } : undefined
}

/** Whether a name is one that a store gives to its files. */
export function isStoreFileName(name: string): boolean {
  return (
    name === CURRENT_FILE_NAME ||
    name === CURRENT_TEMPORARY_FILE_NAME ||
    name === LOCK_FILE_NAME ||
    name === LOST_DIRECTORY_NAME ||
    parseFileName(name) !== undefined
  )
}

function digits(number: FileNumber): string {
  return String(number).padStart(6, '0')
}
