/** Medians and spreads: on a machine that others use too, means follow the outliers. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  /** Half of the difference between the quartiles, as a part of the median. */
  readonly spread: number
}

export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b)
  const median = quantile(sorted, 0.5)
  return {
    median,
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    spread: median === 0 ? 0 : (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / median,
  }
}

/** Between two values in proportion. */
function quantile(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part
  const low = sorted[Math.floor(place)] ?? NaN
  const high = sorted[Math.ceil(place)] ?? NaN
  return low + (high - low) * (place - Math.floor(place))
}
