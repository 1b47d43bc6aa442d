/** A bug that is planted into a copy of the built packages: texts that are replaced, each of which is there exactly once. */

export interface Replacement {
  /** Below the directory of the packages' copies. */
  readonly file: string
  readonly search: string
  readonly replacement: string
}

export interface PlantedBug {
  readonly name: string
  readonly replacements: readonly Replacement[]
}

export function bug(
  name: string,
  ...replacements: (readonly [file: string, search: string, replacement: string])[]
): PlantedBug {
  return { name, replacements: replacements.map(([file, search, replacement]) => ({ file, search, replacement })) }
}

/** One place in the engine: `file` is below its built sources. */
export function engineBug(name: string, file: string, search: string, replacement: string): PlantedBug {
  return bug(name, [`varve/dist/${file}`, search, replacement])
}
