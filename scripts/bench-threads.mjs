// `npm run bench:threads -- arguments`: one store used from several threads, beside stores that each thread opens.
import { launch } from './launch.mjs'

await launch('packages/bench', 'dist/threads/main.js')
