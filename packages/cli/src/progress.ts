/** How far a load is: a bar on a terminal, else a line a second. Asks for its figures; nobody needs to report. */
import { SingleBar } from 'cli-progress'

export interface ProgressReading {
  readonly value: number
  /** Undefined where the end is not known. */
  readonly total: number | undefined
  /** What to show beside the bar. */
  readonly text: string
}

export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean
}

const barIntervalMs = 100
const lineIntervalMs = 1000

/** Runs `work` and shows its progress on `stream` until it is done. */
export async function withProgress<T>(
  stream: ProgressStream,
  read: () => ProgressReading,
  work: () => Promise<T>,
): Promise<T> {
  const stop = stream.isTTY === true ? showBar(stream, read) : showLines(stream, read)
  try {
    return await work()
  } finally {
    stop()
  }
}

function showBar(stream: ProgressStream, read: () => ProgressReading): () => void {
  const first = read()
  const bar = new SingleBar({
    stream,
    format: first.total === undefined ? '  {text}' : '  {bar} {percentage}%  {text}, {eta_formatted} left',
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    forceRedraw: true,
    // Five seconds: shorter ones make the estimate jump.
    etaBuffer: 50,
  })
  bar.start(Math.max(first.total ?? 1, 1), first.value, { text: first.text })
  const timer = setInterval(() => {
    const { value, text } = read()
    bar.update(value, { text })
  }, barIntervalMs)
  return () => {
    clearInterval(timer)
    bar.stop()
  }
}

function showLines(stream: ProgressStream, read: () => ProgressReading): () => void {
  const timer = setInterval(() => {
    const { value, total, text } = read()
    const percentage = total === undefined || total === 0 ? '' : `${Math.floor((value / total) * 100)}%  `
    stream.write(`  ${percentage}${text}\n`)
  }, lineIntervalMs)
  return () => clearInterval(timer)
}
