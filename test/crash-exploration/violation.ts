/** A promise of the store that a crash state shows to be broken. */
export class Violation extends Error {
  /** As ARCHITECTURE.md numbers them. */
  readonly invariant: string

  constructor(invariant: string, what: string, options?: { cause?: unknown }) {
    super(`${invariant}: ${what}`, options)
    this.name = 'Violation'
    this.invariant = invariant
  }
}
