/** The model against stores whose jobs run on the pool's threads. */
import { CONFIGURATIONS } from './configurations.ts'
import { describeModelRuns } from './model-suite.ts'

describeModelRuns(
  CONFIGURATIONS.filter(({ executor }) => executor === 'pool'),
  'test/model/model-pool.test.ts',
)
