/**
 * Shows that the tests of damage find the bugs of planted-bugs.ts:
 * `VARVE_PLANTED=1 npx vitest run test/corruption/planted-bugs`.
 */
import { testHunt, vitestOn } from '../planted-bugs/bug-hunt.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

testHunt({
  bugs: PLANTED_BUGS,
  command: () => vitestOn(['every-byte', 'repair', 'torn-manifest'].map((name) => `test/corruption/${name}.test.ts`)),
  found: /(?:AssertionError|Error): (?!.*timed out)[^\n]*/,
  timeoutMs: 600_000,
})
