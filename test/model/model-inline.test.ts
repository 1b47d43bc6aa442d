/** The model against stores whose jobs run on the calling thread. */
import { CONFIGURATIONS } from './configurations.ts'
import { describeModelRuns } from './model-suite.ts'

describeModelRuns(
  CONFIGURATIONS.filter(({ executor }) => executor === 'inline'),
  'test/model/model-inline.test.ts',
)
