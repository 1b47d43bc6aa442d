// `npm start -- arguments`: the command line of this working tree.
import { launch } from './launch.mjs'

await launch('packages/cli', 'dist/bundle/main.js')
