/** What a parent tells the process that has databases of `@varve/level`. */
export interface LevelProcessPlan {
  readonly location: string
  /** Open one and say how that went; open many and end without closing; write until killed; use much, over and over. */
  readonly task: 'open' | 'leave-open' | 'write' | 'leak'
  readonly databaseCount?: number
}
