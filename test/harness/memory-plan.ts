/** What a parent tells a process whose memory it watches. */
export interface MemoryPlan {
  readonly directory: string
  /** `bare` does nothing: what a Node process takes by itself. */
  readonly task: 'flush' | 'load' | 'bare'
  readonly count: number
}
