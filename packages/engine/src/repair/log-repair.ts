/** Turns the logs that count into tables of level 0, as far as they can be read, and says which writes are missing. */
import {
  CorruptionError,
  IoError,
  fileNumber,
  isNotFound,
  walFileName,
  type AddedTable,
  type Env,
  type FileNumber,
} from '@varve/storage'
import type { JobRunner } from '../jobs/job-runner.ts'
import { numbersOf } from '../recovery/recover-store.ts'
import { LogSalvage, type LogStretch } from './log-salvage.ts'
import type { ManifestSurvey } from './manifest-survey.ts'
import { lostWrites, type LostPart } from './repair-report.ts'

export class LogRepair {
  /** Of all writes seen. */
  lastSequence = 0
  readonly #env: Env
  readonly #directory: string
  readonly #runner: JobRunner
  readonly #lost: LostPart[]
  /** The sequence that the next group has, if none is missing; `undefined` while that is not known. */
  #expected: number | undefined

  constructor(setup: { readonly env: Env; readonly directory: string }, runner: JobRunner, lost: LostPart[]) {
    this.#env = setup.env
    this.#directory = setup.directory
    this.#runner = runner
    this.#lost = lost
  }

  /** @param lastSequence of all tables and the manifest */
  async run(names: readonly string[], survey: ManifestSurvey, lastSequence: number): Promise<AddedTable[]> {
    this.lastSequence = lastSequence
    this.#expected = survey.isCurrent ? survey.lastSequence + 1 : undefined
    const there = numbersOf('wal', names).filter((number) => number >= survey.logNumber)
    const promised = [survey.logNumber, ...survey.closedWals.map(({ number }) => number)].filter(
      (number) => number !== 0 && number >= survey.logNumber,
    )
    const added: AddedTable[] = []
    for (const number of [...new Set([...there, ...promised])].toSorted((a, b) => a - b)) {
      if (there.includes(number)) {
        added.push(...(await this.#convert(number, survey)))
      } else {
        this.#lost.push(lostWrites(walFileName(number), 'it is missing', this.#expected))
      }
    }
    return added
  }

  async #convert(number: FileNumber, survey: ManifestSurvey): Promise<AddedTable[]> {
    const log = await this.#read(number)
    if (log === undefined) {
      return []
    }
    const added: AddedTable[] = []
    for (const stretch of log.stretches) {
      const end = stretch.firstSequence + stretch.entryCount
      if (this.#expected !== undefined && end <= this.#expected) {
        // Older than what is known to be in tables.
        continue
      }
      this.#noteHole(log, stretch)
      added.push(...(await this.#flush(log, stretch)))
      this.#expected = end
      this.lastSequence = Math.max(this.lastSequence, end - 1)
    }
    this.#noteEnd(log, survey)
    return added
  }

  async #read(number: FileNumber): Promise<LogSalvage | undefined> {
    try {
      return await LogSalvage.read(this.#env, this.#directory, number)
    } catch (error) {
      if (
        error instanceof CorruptionError ||
        isNotFound(error) ||
        (error instanceof IoError && error.systemCode === 'EIO')
      ) {
        this.#lost.push(lostWrites(walFileName(number), error instanceof Error ? error.message : '', this.#expected))
        return undefined
      }
      throw error
    }
  }

  #noteHole(log: LogSalvage, stretch: LogStretch): void {
    const expected = this.#expected
    if (expected !== undefined && stretch.firstSequence > expected) {
      const reason = 'writes before the next whole group are missing'
      this.#lost.push(lostWrites(walFileName(log.number), reason, expected, stretch.firstSequence - 1))
    }
  }

  #noteEnd(log: LogSalvage, { logNumber, closedWals, isCurrent }: ManifestSurvey): void {
    const name = walFileName(log.number)
    const last = log.stretches.at(-1)
    const closed = closedWals.find(({ number }) => number === log.number)
    const end = last?.groups.at(-1)?.endOffset ?? 0
    if (closed !== undefined && end < closed.sizeBytes) {
      this.#lost.push(lostWrites(name, `it was closed cleanly with ${closed.sizeBytes} bytes`, this.#expected))
    } else if (log.hasTail) {
      const reason = 'bytes behind its last whole group: damage, or the tail of a crash, which was never durable'
      this.#lost.push(lostWrites(name, reason, this.#expected))
    } else if (!log.headerIsWhole && last === undefined && (!isCurrent || log.number === logNumber)) {
      this.#lost.push(lostWrites(name, 'its header is not whole, and no group can be read', this.#expected))
    }
  }

  async #flush(log: LogSalvage, stretch: LogStretch): Promise<AddedTable[]> {
    const committedSizeBytes = log.moveToFront(stretch)
    try {
      const { tables } = await this.#runner.run(
        { type: 'flush', outputLevel: 0, walNumber: log.number, arena: log.image, committedSizeBytes },
        committedSizeBytes,
        stretch.entryCount,
      )
      return tables.map((table) => ({ level: 0, run: stretch.firstSequence, table }))
    } catch (error) {
      if (error instanceof CorruptionError) {
        const lastSequence = stretch.firstSequence + stretch.entryCount - 1
        const name = walFileName(fileNumber(log.number))
        this.#lost.push(lostWrites(name, error.message, stretch.firstSequence, lastSequence))
        return []
      }
      throw error
    }
  }
}
