// `npm run check`: everything that `npm test` does, without the tests.
import { checks, preparation, runSteps } from './checks.mjs'

const { failed } = await runSteps([...preparation, ...checks])
process.exitCode = failed === 0 ? 0 : 1
