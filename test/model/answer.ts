/**
 * What an operation answered: a flat list of bytes and words, so that a model's and a store's can be compared and hashed.
 */
import type { Operation } from './operation.ts'
import { describeBytes } from './operation.ts'

export type Answer = readonly (Buffer | string)[]

/** Something that operations can be asked of: the model, or a store. */
export interface Subject {
  answer(operation: Operation): Promise<Answer>
}

export const NOTHING: Answer = []
/** Of conditional writes. */
export const WRITTEN = 'written'
export const CONFLICT = 'conflict'
const MISSING = 'missing'

export function answerOf(value: Buffer | undefined | boolean): Buffer | string {
  return value === undefined ? MISSING : typeof value === 'boolean' ? String(value) : value
}

/** Where two answers part, or `undefined` if they are the same. */
export function firstDifference(expected: Answer, actual: Answer): string | undefined {
  for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
    const [one, other] = [expected[i], actual[i]]
    if (one === undefined || other === undefined || !isSame(one, other)) {
      return `part ${i} of ${expected.length} should be ${describePart(one)} but is ${describePart(other)} (of ${actual.length})`
    }
  }
  return undefined
}

function isSame(one: Buffer | string, other: Buffer | string): boolean {
  return typeof one === 'string' || typeof other === 'string' ? one === other : one.equals(other)
}

function describePart(part: Buffer | string | undefined): string {
  return part === undefined ? 'nothing' : typeof part === 'string' ? part : `"${describeBytes(part)}"`
}
