// `npm run bench -- arguments`: the benchmarks of this working tree.
import { launch } from './launch.mjs'

await launch('bench')
