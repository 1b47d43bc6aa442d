/** Several things at once, none of which goes on behind the caller's back when another has failed. */

/** Waits until all have ended, failed ones too. @throws what the one that failed first has thrown */
export async function allDone<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const all = Promise.all(promises)
  await Promise.allSettled([all, ...promises])
  return await all
}
