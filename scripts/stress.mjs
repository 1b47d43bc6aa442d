// `npm run stress -- arguments`: several threads use one store, and all that they see is judged.
import { launchProgram } from './launch.mjs'

await launchProgram('test/harness', 'dist/programs/stress.js')
