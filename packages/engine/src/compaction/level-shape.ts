/**
 * How large each level should be, and how due. The bottom level holds nearly all, and the sizes of the others follow
 * from its own: each a `levelSizeRatio`-th of the one below, up to a base level, into which level 0 is compacted. So the
 * levels above the bottom hold about a ninth of what it holds, however large the store: with sizes fixed from the top a
 * store whose last level has just been begun holds twice what it should. After `level_compaction_dynamic_level_bytes` of
 * RocksDB.
 *
 * Levels above the base hold nothing, unless a store shrank or was written with other settings: they are drained.
 */
import type { TableHandle } from '../version/table-handle.ts'
import type { Version } from '../version/version.ts'
import { BOTTOM_LEVEL } from './compaction-choice.ts'

export interface LevelShape {
  /** Level 0 goes there; 1 to 6. */
  readonly baseLevel: number
  /** The size at which a level is due; 0 above the base. */
  readonly targetSizesBytes: readonly number[]
  /** What a tombstone may cover in the levels below it, as far as one can tell: the mean size of an entry. */
  readonly tombstoneWeightBytes: number
}

export interface ShapeOptions {
  readonly levelOneSizeBytes: number
  readonly levelSizeRatio: number
}

/** A base level below this share of `levelOneSizeBytes` would cost a merge more than it saves. */
const BASE_SIZE_SHARE_MIN = 0.5

export function levelShapeOf(version: Version, options: ShapeOptions): LevelShape {
  const { levelOneSizeBytes, levelSizeRatio } = options
  const sizes = version.levels.map((_, level) => (level === 0 ? 0 : version.sizeBytesOf(level)))
  const targets = sizes.map(() => 0)
  let target = Math.max(...sizes)
  let baseLevel = BOTTOM_LEVEL
  while (baseLevel > 1 && target / levelSizeRatio >= levelOneSizeBytes * BASE_SIZE_SHARE_MIN) {
    targets[baseLevel] = target
    target /= levelSizeRatio
    baseLevel--
  }
  targets[baseLevel] = Math.max(target, levelOneSizeBytes * BASE_SIZE_SHARE_MIN)
  return { baseLevel, targetSizesBytes: targets, tombstoneWeightBytes: meanEntrySizeBytes(version) }
}

/** What a table weighs: its size, and what its tombstones may let go of. */
export function weightOf({ metadata }: TableHandle, { tombstoneWeightBytes }: LevelShape): number {
  return metadata.sizeBytes + metadata.tombstoneCount * tombstoneWeightBytes
}

/** How due each level is, by what no compaction takes away already: at 1 it should be compacted. */
export function levelScores(version: Version, shape: LevelShape, levelZeroTableCountTrigger: number): number[] {
  return version.levels.map((tables, level) => {
    const free = tables.filter((table) => !table.isCompacting)
    if (level === 0) {
      return new Set(free.map(({ run }) => run)).size / levelZeroTableCountTrigger
    }
    if (level === BOTTOM_LEVEL) {
      return 0
    }
    const weight = free.reduce((sum, table) => sum + weightOf(table, shape), 0)
    const target = shape.targetSizesBytes[level] as number
    // Above the base: behind what is much overdue, before what is just due.
    return target > 0 ? weight / target : weight > 0 ? STRANDED_SCORE : 0
  })
}

const STRANDED_SCORE = 1.5

function meanEntrySizeBytes(version: Version): number {
  const deepest = version.tablesOf(Math.max(0, version.deepestLevel))
  const entryCount = deepest.reduce((sum, { metadata }) => sum + metadata.entryCount, 0)
  return entryCount === 0 ? 0 : deepest.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0) / entryCount
}
