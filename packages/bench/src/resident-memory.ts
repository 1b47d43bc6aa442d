/** How much of this process is in memory. */
import { readFileSync } from 'node:fs'

const SAMPLE_PERIOD_MS = 20

/**
 * The most that this process has had resident, in bytes. Linux counts the memory of the process that started us into
 * `maxRSS`; what it says of our own address space is exact.
 */
export function peakResidentSizeBytes(): number {
  if (process.platform === 'linux') {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
    if (match !== null) {
      return Number(match[1]) * 1024
    }
  }
  return process.resourceUsage().maxRSS * 1024
}

/** Resident sizes over time, for the median. */
export class ResidentMemorySampler {
  readonly #samples: number[] = []
  readonly #timer: NodeJS.Timeout = setInterval(() => this.#take(), SAMPLE_PERIOD_MS)

  /** The samples, in bytes, in ascending order. */
  stop(): readonly number[] {
    clearInterval(this.#timer)
    this.#take()
    return this.#samples.toSorted((a, b) => a - b)
  }

  #take(): void {
    this.#samples.push(process.memoryUsage.rss())
  }
}
