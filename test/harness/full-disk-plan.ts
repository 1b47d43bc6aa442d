/** What a parent tells a process that fills a disk. */

export interface FullDiskPlan {
  /** An empty directory on the disk. */
  readonly directory: string
  /** How space is taken away and given back: with a file that is deleted, or with the limit of a file's size. */
  readonly space: 'ballast' | 'limit'
  readonly ballastSizeBytes: number
  readonly seed: number
}
