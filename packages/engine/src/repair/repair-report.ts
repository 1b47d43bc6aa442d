/** What a repair found and did. */

/** Something that is gone, or may be: keys between the bounds, or writes with these sequence numbers. */
export interface LostPart {
  /** The file that is damaged or missing, by its name in the directory. */
  readonly fileName: string
  readonly reason: string
  /**
   * Entries of the keys from `smallestKey` to `largestKey`, both included, may be missing, and older values of these keys
   * may have come back in their place. A bound that is missing is not known.
   */
  readonly smallestKey: Buffer | undefined
  readonly largestKey: Buffer | undefined
  /** For logs: the sequence numbers of the writes that are missing, as far as they are known. */
  readonly firstSequence: number | undefined
  readonly lastSequence: number | undefined
}

export interface RepairReport {
  /** Whether anything had to be repaired. If not, nothing was changed. */
  readonly wasDamaged: boolean
  /** Faults from which nothing was lost: of CURRENT, or of a manifest whose tables tell what was in it. */
  readonly faults: readonly string[]
  readonly lost: readonly LostPart[]
  /**
   * The tables were merged into one level, because no manifest said how they belong together. Then nothing says either
   * whether a table or log is missing altogether.
   */
  readonly wasRebuilt: boolean
  readonly tableCount: number
  readonly entryCount: number
  readonly lastSequence: number
  /** Files that were moved to lost/, by the names that they have there. */
  readonly setAsideNames: readonly string[]
}

/** A part of which the keys are known, or nothing is. */
export function lostKeys(
  fileName: string,
  reason: string,
  smallestKey?: Uint8Array,
  largestKey?: Uint8Array,
): LostPart {
  return {
    fileName,
    reason,
    smallestKey: smallestKey === undefined ? undefined : Buffer.from(smallestKey),
    largestKey: largestKey === undefined ? undefined : Buffer.from(largestKey),
    firstSequence: undefined,
    lastSequence: undefined,
  }
}

/** Writes of a log; their keys are not known. */
export function lostWrites(
  fileName: string,
  reason: string,
  firstSequence: number | undefined,
  lastSequence?: number,
): LostPart {
  return { ...lostKeys(fileName, reason), firstSequence, lastSequence }
}
