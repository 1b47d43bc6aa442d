// The steps that judge the tree without running it, in order. The type-aware linter and the layers need the build.
import { runQuietly, toolScript } from './command.mjs'
import { build, install } from './prepare.mjs'

const tool = (packageName, command, args) => () =>
  runQuietly(process.execPath, [toolScript(packageName, command), ...args])

export const preparation = [
  { name: 'install', run: install },
  { name: 'build', run: () => build() },
]

export const checks = [
  { name: 'format', run: tool('oxfmt', 'oxfmt', ['--check']) },
  { name: 'lint', run: tool('oxlint', 'oxlint', ['--deny-warnings', '--report-unused-disable-directives']) },
  {
    name: 'layers',
    run: tool('dependency-cruiser', 'depcruise', ['packages', 'test', '--config', '.dependency-cruiser.mjs']),
  },
  { name: 'dead code', run: tool('knip', 'knip', ['--no-progress', '--treat-config-hints-as-errors']) },
]

/** Runs the steps one after the other, each with a line of its own, and counts. Without dependencies nothing else can run. */
export async function runSteps(steps) {
  let passed = 0
  let failed = 0
  for (const { name, run } of steps) {
    const start = performance.now()
    const { code, output } = await run()
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    console.log(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(12)} ${seconds.padStart(6)} s`)
    if (code === 0) {
      passed++
      continue
    }
    failed++
    console.log(output.trimEnd())
    if (name === 'install') {
      break
    }
  }
  return { passed, failed }
}
