/** What a closed store answers. */
import { ClosedError } from '@varve/storage'

export function closedError(directory: string): ClosedError {
  return new ClosedError(`the store in ${directory} is closed`)
}
