// `npm run crash -- arguments`: kills processes that write to a store, in a loop, and checks what is found.
import { launchProgram } from './launch.mjs'

await launchProgram('test/harness', 'dist/programs/crash.js')
