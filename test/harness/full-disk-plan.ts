/** What a parent tells a process that fills a disk. */

export interface FullDiskPlan {
  /** An empty directory on the disk. */
  readonly directory: string
  /** How space is taken away and given back: with a file that is deleted, or with the limit of a file's size. */
  readonly space: 'ballast' | 'limit'
  readonly ballastSizeBytes: number
  /** With few, writes stall when tables cannot be written; with many, logs fill what is left. */
  readonly frozenMemtableCountMax: number
  /** The kind of file that has to meet the end of the space. */
  readonly fault: 'wal' | 'table'
  readonly seed: number
}
