// Starts other programs: quietly with their output kept, or attached to our own streams.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The script behind a dependency's command: started with `node` itself it needs no shell, on any platform. */
export function toolScript(packageName, command) {
  const directory = join(root, 'node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  return join(directory, typeof bin === 'string' ? bin : bin[command])
}

/** Runs a program without input. Resolves to its exit code and everything that it printed. */
export function runQuietly(file, args, { cwd = root } = {}) {
  // npm's commands are batch files on Windows and start only through a shell there.
  const shell = process.platform === 'win32' && ['npm', 'npx'].includes(file)
  const child = spawn(file, args, { cwd, shell, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => {
      output += text
    })
  }
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 1, output: `${output}${error.message}\n` }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** Runs a Node script on our own streams, hands signals on to it and resolves to its exit code. */
export function runAttached(script, args, { stdin = 'inherit' } = {}) {
  const child = spawn(process.execPath, [script, ...args], { stdio: [stdin, 'inherit', 'inherit'] })
  const handlers = new Map()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends its interrupt to the whole group: a second one from here would look like impatience.
    const handler = () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal))
    handlers.set(signal, handler)
    process.on(signal, handler)
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      for (const [name, handler] of handlers) {
        process.off(name, handler)
      }
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}
