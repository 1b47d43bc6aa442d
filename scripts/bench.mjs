// `npm run bench -- arguments`: the benchmarks of this working tree, beside the stores that they are compared with.
import { launch } from './launch.mjs'
import { installPeers } from './peers.mjs'

const args = process.argv.slice(2)
const has = (pattern) => args.some((argument) => pattern.test(argument))

if (!has(/^(-h|--(help|memory|compare|render))(=|$)/)) {
  // The stores of a quick run come with their binaries.
  const compiles = !has(/^--quick$/) || has(/^--stores/)
  await installPeers((text) => console.error(`varve: ${text}`), { compiles })
}
await launch('packages/bench', 'dist/main.js')
