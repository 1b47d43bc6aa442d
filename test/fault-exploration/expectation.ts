/** What must be so while calls fail. */

export function expectThat(isSo: boolean, message: string): void {
  if (!isSo) {
    throw new Error(message)
  }
}
