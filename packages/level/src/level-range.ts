/** Ranges of abstract-level, encoded, as ranges of the store: there `gte` counts instead of `gt`, and `lte` of `lt`. */
import type { Range } from 'varve'
import { bytesOf, type Encoded } from './format.ts'

export interface EncodedRange {
  readonly gt?: Encoded
  readonly gte?: Encoded
  readonly lt?: Encoded
  readonly lte?: Encoded
}

export function storeRangeOf({ gt, gte, lt, lte }: EncodedRange): Range {
  return {
    ...(gte !== undefined ? { gte: bytesOf(gte) } : gt !== undefined ? { gt: bytesOf(gt) } : {}),
    ...(lte !== undefined ? { lte: bytesOf(lte) } : lt !== undefined ? { lt: bytesOf(lt) } : {}),
  }
}
