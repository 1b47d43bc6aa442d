/** What `npm run bench` does: compares stores, or checks the limit of memory. */
import { HELP, UsageError, parseCommandLine } from './command-line.ts'
import { runComparison } from './comparison/comparison.ts'
import { runMemoryCheck } from './memory-check.ts'

/** Resolves to the exit code; what goes wrong has been told by then. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    const settings = parseCommandLine(args)
    if (settings.wantsHelp) {
      console.log(HELP)
      return 0
    }
    return settings.mode === 'memory' ? await runMemoryCheck(settings) : await runComparison(settings)
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`bench: ${error.message}`)
      return 2
    }
    console.error(error)
    return 1
  }
}
