/**
 * Shows that the fault exploration finds the bugs of planted-bugs.ts:
 * `VARVE_PLANTED=1 npx vitest run test/fault-exploration/planted-bugs`.
 */
import { testHunt, vitestOn } from '../planted-bugs/bug-hunt.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

const RUN_COUNT = 600

testHunt({
  bugs: PLANTED_BUGS,
  command: () =>
    vitestOn(
      ['counter-examples', 'fault-exploration'].map((name) => `test/fault-exploration/${name}.test.ts`),
      {
        VARVE_SEED: '1',
        VARVE_FAULT_RUNS: String(RUN_COUNT),
      },
    ),
  found: /(?:AssertionError|MisuseError): [^\n]*|Error: [^\n]*(?=[^]*replay: VARVE_FAULT=)|CorruptionError: [^\n]*/,
  timeoutMs: 900_000,
})
