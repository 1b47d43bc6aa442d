/**
 * How many bytes compactions still have to write until no level is due: an estimate, pure, from sizes alone. What is
 * over the size of a level goes down, with what it overlaps there by the ratio of the two, and may push that level over
 * its own size in turn. Levels that are not due owe nothing, so that a debt is always something the picker can work on.
 */
import type { Version } from '../version/version.ts'
import { BOTTOM_LEVEL } from './compaction-choice.ts'
import type { PickerOptions } from './compaction-picker.ts'
import { levelShapeOf } from './level-shape.ts'

export function pendingCompactionSizeBytes(version: Version, options: PickerOptions): number {
  const isLevelZeroDue = version.levelZeroRunCount >= options.levelZeroTableCountTrigger
  if (options.compactionStrategy === 'tiered') {
    // Deeper runs are merged when enough of their size have come, and owe nothing until then.
    return isLevelZeroDue ? version.sizeBytesOf(0) : 0
  }
  const { baseLevel, targetSizesBytes } = levelShapeOf(version, options)
  let pendingSizeBytes = isLevelZeroDue ? version.sizeBytesOf(baseLevel) : 0
  let comingDownSizeBytes = isLevelZeroDue ? version.sizeBytesOf(0) : 0
  // Levels above the base are drained into it.
  for (let level = 1; level < baseLevel; level++) {
    comingDownSizeBytes += version.sizeBytesOf(level)
  }
  pendingSizeBytes += comingDownSizeBytes
  for (let level = baseLevel; level < BOTTOM_LEVEL; level++) {
    const sizeBytes = version.sizeBytesOf(level) + comingDownSizeBytes
    comingDownSizeBytes = Math.max(0, sizeBytes - (targetSizesBytes[level] as number))
    if (comingDownSizeBytes > 0) {
      pendingSizeBytes += comingDownSizeBytes * (1 + version.sizeBytesOf(level + 1) / sizeBytes)
    }
  }
  return Math.round(pendingSizeBytes)
}
