/** Shows that the stress test finds the bugs of planted-bugs.ts: `VARVE_PLANTED=1 npx vitest run test/stress/planted-bugs`. */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { testHunt } from '../planted-bugs/bug-hunt.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

const PROGRAM = fileURLToPath(new URL('../harness/dist/programs/stress.js', import.meta.url))
const SECONDS = 90

testHunt({
  bugs: PLANTED_BUGS,
  command: (directory) => ({
    parameters: [PROGRAM, '--seed', '1', '--seconds', String(SECONDS), '--directory', path.join(directory, 'data')],
    environment: {},
  }),
  found: /FOUND: [^\n]*/,
  timeoutMs: 300_000,
})
