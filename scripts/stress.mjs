// `npm run stress -- arguments`: several threads use one store, and all that they see is judged.
import { launch } from './launch.mjs'

await launch('test/harness', 'dist/programs/stress.js')
