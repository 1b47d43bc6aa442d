/** How the children of tests speak to their parents: lines on descriptor 3, each written before the next thing happens. */
import fs from 'node:fs'

const REPORT_DESCRIPTOR = 3

export function report(line: string): void {
  const bytes = Buffer.from(`${line}\n`)
  let written = 0
  while (written < bytes.length) {
    try {
      written += fs.writeSync(REPORT_DESCRIPTOR, bytes, written)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) {
        throw error
      }
    }
  }
}

/** Runs a child's work on its argument; what goes wrong is reported as one line that begins with `error`. */
export function runAsChild<T>(work: (argument: T) => Promise<void>): void {
  work(JSON.parse(process.argv[2] ?? 'null') as T).catch((error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    report(`error ${text.replaceAll('\n', ' | ')}`)
    process.exit(1)
  })
}
