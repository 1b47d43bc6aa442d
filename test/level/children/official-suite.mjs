// The suite of abstract-level against one database class, as a process: prints what it counted as one line of JSON.
// Arguments: the class (varve or classic), a directory to work in, and formats that encodings are restricted to.
import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import suite from 'abstract-level/test/index.js'
import tape from 'tape'

const [kind = '', root = '', formats] = process.argv.slice(2)

async function databaseFactory() {
  if (kind === 'classic') {
    const { ClassicLevel } = await import('classic-level')
    return (directory, options) => new ClassicLevel(directory, options)
  }
  const { VarveLevel } = await import('@varve/level')
  return (directory, options) =>
    formats === undefined ? new VarveLevel(directory, options) : new VarveLevel(directory, options, formats.split(','))
}

/** Of this process, on Linux; elsewhere nothing is counted. */
function countIn(directory) {
  return existsSync(directory) ? readdirSync(directory).length : 0
}

const create = await databaseFactory()
const startThreadCount = countIn('/proc/self/task')
const startDescriptorCount = countIn('/proc/self/fd')
const startMs = performance.now()
const counts = { testCount: 0, assertionCount: 0, databaseCount: 0, unclosedCount: 0, failures: [], skipped: [] }
const databases = []
const testNames = new Map()

tape.createStream({ objectMode: true }).on('data', (row) => {
  if (row.type === 'test') {
    counts.testCount++
    testNames.set(row.id, row.name)
    if (row.skip) {
      counts.skipped.push(row.name)
    }
  } else if (row.type === 'assert') {
    counts.assertionCount++
    if (!row.ok) {
      counts.failures.push(`${testNames.get(row.test)}: ${row.name} (${row.operator}) ${row.at ?? ''}`)
    }
  }
})

tape.onFinish(() => {
  counts.unclosedCount = databases.filter((database) => database.status === 'open').length
  counts.durationMs = Math.round(performance.now() - startMs)
  counts.threadCount = countIn('/proc/self/task') - startThreadCount
  counts.descriptorCount = countIn('/proc/self/fd') - startDescriptorCount
  process.stdout.write(`${JSON.stringify(counts)}\n`)
})

suite({
  test: tape,
  factory(options) {
    counts.databaseCount++
    const database = create(mkdtempSync(join(root, 'd-')), options)
    databases.push(database)
    return database
  },
})
