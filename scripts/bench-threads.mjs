// `npm run bench:threads -- arguments`: one store used from several threads, beside stores that each thread opens.
import { launchProgram } from './launch.mjs'

await launchProgram('packages/bench', 'dist/threads/main.js')
