// `npm run crash -- arguments`: kills processes that write to a store, in a loop, and checks what is found.
import { launch } from './launch.mjs'

await launch('test/harness', 'dist/programs/crash.js')
