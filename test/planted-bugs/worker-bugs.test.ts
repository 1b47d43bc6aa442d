/**
 * Shows that the tests of failing job threads find the bugs of worker-bugs.ts:
 * `VARVE_PLANTED=1 npx vitest run test/planted-bugs/worker-bugs`.
 */
import { testHunt, vitestOn } from './bug-hunt.ts'
import { PLANTED_BUGS } from './worker-bugs.ts'

testHunt({
  bugs: PLANTED_BUGS,
  command: () => vitestOn(['test/behaviour/worker-faults.test.ts']),
  found: /(?:AssertionError|Error): (?!.*timed out)[^\n]*/,
  timeoutMs: 600_000,
})
