// `npm test`: install, build, checks and all tests. `npm test -- arguments` hands the arguments to vitest
// and leaves the checks out. The last line is always the count: `N passed, N failed`.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checks, preparation, runSteps } from './checks.mjs'
import { root, runAttached, toolScript } from './command.mjs'

// Some tools take CI=true for a terminal.
if (!process.stdout.isTTY) {
  process.env.NO_COLOR ??= '1'
}

const args = process.argv.slice(2)
const steps = args.length > 0 ? preparation : [...preparation, ...checks]
const counts = await runSteps(steps)
if (existsSync(join(root, 'node_modules', 'vitest'))) {
  const tests = await runTests()
  counts.passed += tests.passed
  counts.failed += tests.failed
}
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = counts.failed === 0 ? 0 : 1

/** Runs vitest on our own output. Whatever goes wrong counts: a failed run never has zero failures. */
async function runTests() {
  const directory = mkdtempSync(join(tmpdir(), 'varve-test-'))
  const reportFile = join(directory, 'report.json')
  const start = performance.now()
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const code = await runAttached(toolScript('vitest', 'vitest'), ['run', ...reporters, ...args], { stdin: 'ignore' })
  const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : undefined
  rmSync(directory, { recursive: true, force: true })

  const { passed, failed } = countTests(report)
  // An error outside of any test, or no test at all, fails the run but no test.
  const unaccounted = failed === 0 && (code !== 0 || passed === 0) ? 1 : 0
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${failed + unaccounted === 0 ? 'ok  ' : 'FAIL'}  ${'tests'.padEnd(12)} ${seconds.padStart(6)} s`)
  return { passed, failed: failed + unaccounted }
}

/** A file that cannot be loaded has no tests to fail and counts as one failure. */
function countTests(report) {
  const files = report?.testResults ?? []
  const has = (file, status) => file.assertionResults.some((test) => test.status === status)
  const brokenFiles = files.filter((file) => file.status === 'failed' && !has(file, 'failed')).length
  return { passed: report?.numPassedTests ?? 0, failed: (report?.numFailedTests ?? 0) + brokenFiles }
}
