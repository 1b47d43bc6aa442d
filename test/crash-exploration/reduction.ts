/** Makes a failing history shorter: steps are left out as long as it still fails. */
import type { StateFailure } from './exploration.ts'
import type { History, Step } from './history.ts'

/**
 * @param fails the failure of a history, or `undefined`
 * @returns the failure of the shortest history that was found
 */
export async function reduceHistory(
  first: StateFailure,
  fails: (history: History) => Promise<StateFailure | undefined>,
): Promise<StateFailure> {
  let best = first
  for (let size = Math.ceil(first.history.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < best.history.steps.length;) {
      const failure = await fails({ ...best.history, steps: without(best.history.steps, start, size) })
      if (failure === undefined) {
        start += size
      } else {
        best = failure
      }
    }
  }
  return best
}

function without(steps: readonly Step[], start: number, size: number): Step[] {
  return [...steps.slice(0, start), ...steps.slice(start + size)]
}
