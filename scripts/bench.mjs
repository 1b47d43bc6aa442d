// `npm run bench -- arguments`: the benchmarks of this working tree, beside the stores that they are compared with.
import { launch } from './launch.mjs'
import { installPeers } from './peers.mjs'

const needsPeers = !process.argv.slice(2).some((argument) => /^(-h|--(help|memory|compare|render))(=|$)/.test(argument))
if (needsPeers) {
  await installPeers((text) => console.error(`varve: ${text}`))
}
await launch('bench')
