/**
 * Shows that the crash exploration finds the bugs of planted-bugs.ts, from the same first history on:
 * `VARVE_PLANTED=1 npx vitest run test/crash-exploration/planted-bugs`.
 */
import { testHunt, vitestOn } from '../planted-bugs/bug-hunt.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

/** Each bug is found within so many states. */
const STATE_COUNT = 12_000

testHunt({
  bugs: PLANTED_BUGS,
  command: () =>
    vitestOn(['test/crash-exploration/crash-exploration.test.ts'], {
      VARVE_SEED: '1',
      VARVE_CRASH_STATES: String(STATE_COUNT),
    }),
  // It has found something in a store, and says how to see it again.
  found: /(?:R\d|conflict|leak|no fault|MisuseError|HangError|AssertionError)[^\n]*(?=[^]*replay: VARVE_SEED=)/,
  timeoutMs: 600_000,
})
