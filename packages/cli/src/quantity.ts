/** Numbers as people read them. */

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `one` or `many`, with its count: `1 record`, `2,000 records`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

const sizeUnits = ['KiB', 'MiB', 'GiB', 'TiB'] as const

export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1024) {
    return `${formatCount(sizeBytes)} B`
  }
  let value = sizeBytes
  let unit = ''
  for (const next of sizeUnits) {
    if (value < 1024) {
      break
    }
    value /= 1024
    unit = next
  }
  return `${value < 10 ? value.toFixed(1) : formatCount(value)} ${unit}`
}

export function formatDuration(ms: number): string {
  if (ms < 1) {
    return `${formatCount(ms * 1000)} us`
  }
  if (ms < 1000) {
    return `${ms < 10 ? ms.toFixed(1) : formatCount(ms)} ms`
  }
  const seconds = ms / 1000
  if (seconds < 60) {
    return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
  }
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}

/** How many a second, from a count and a time that may be zero. */
export function ratePerSecond(count: number, ms: number): number {
  return ms > 0 ? (count / ms) * 1000 : 0
}
