// Installs, builds and runs one project's program. Only failures show what the install or the build printed:
// standard output belongs to the program.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, runAttached } from './command.mjs'
import { build, install } from './prepare.mjs'

/** Runs a program of a project, given by its path in there, with our arguments; its exit code becomes ours. */
export async function launch(project, path) {
  const program = join(root, project, path)
  const announce = (text) => console.error(`varve: ${text}`)

  const succeeded = ({ code, output }, step) => {
    if (code === 0) {
      return true
    }
    process.stderr.write(output)
    announce(`the ${step} failed`)
    process.exitCode = 1
    return false
  }

  if (!succeeded(await install(announce), 'install')) {
    return
  }
  // Later builds are incremental and take a fraction of a second: not worth a line.
  if (!existsSync(program)) {
    announce('building ...')
  }
  if (!succeeded(await build(project), 'build')) {
    return
  }
  process.exitCode = await runAttached(program, process.argv.slice(2))
}
