/** What Varve uses of fs-native-extensions, which ships no types. */
declare module 'fs-native-extensions' {
  /** Tries to lock a whole file for its open file description, exclusively. @returns false if somebody else holds it */
  export function tryLock(descriptor: number): boolean
}
