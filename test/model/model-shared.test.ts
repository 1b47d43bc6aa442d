/** The model against stores that are used through `connect`, as another thread would. */
import { SHARED_CONFIGURATIONS } from './configurations.ts'
import { describeModelRuns } from './model-suite.ts'

/** How reads and writes of a store go is tested elsewhere: here it is the way to it. */
const PART = 0.1

describeModelRuns(SHARED_CONFIGURATIONS, 'test/model/model-shared.test.ts', PART)
