/** The model against stores whose jobs run on the pool's threads. */
import { CONFIGURATIONS, SHORT_CONFIGURATIONS, SHORT_PART } from './configurations.ts'
import { describeModelRuns } from './model-suite.ts'

const TEST_PATH = 'test/model/model-pool.test.ts'

describeModelRuns(
  CONFIGURATIONS.filter(({ executor }) => executor === 'pool'),
  TEST_PATH,
)
describeModelRuns(
  SHORT_CONFIGURATIONS.filter(({ executor }) => executor === 'pool'),
  TEST_PATH,
  SHORT_PART,
)
