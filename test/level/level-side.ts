/** One of the databases that are compared: carries operations out and says what came of them, as text. */
import type { AbstractIterator, AbstractLevel, AbstractSnapshot } from 'abstract-level'
import type { Mode, Operation, OperationRange, TargetName, Write } from './level-operation.ts'

/** Encodings differ between targets, so that keys and values are of any type here. */
export type Database = AbstractLevel<unknown, unknown, unknown>
/** `keys` and `values` have the same methods. */
type Iterator = AbstractIterator<Database, unknown, unknown>

export class LevelSide {
  readonly #database: Database
  readonly #targets: Readonly<Record<TargetName, Database>>
  readonly #snapshots = new Map<number, AbstractSnapshot>()
  readonly #iterators = new Map<number, Iterator>()
  #events: string[] = []
  #isHooked = false
  readonly #hook = (operation: { type: string; key: unknown }, batch: { add(operation: object): void }): void => {
    batch.add({
      type: 'put',
      key: `hook/${textOf(operation.key)}`,
      value: operation.type,
      sublevel: this.#targets.text,
    })
  }

  constructor(database: Database) {
    this.#database = database
    const sublevel = (parent: Database, name: string, encoding: string): Database =>
      parent.sublevel<unknown, unknown>(name, { keyEncoding: encoding, valueEncoding: encoding }) as unknown as Database
    const text = sublevel(database, 'text', 'utf8')
    this.#targets = {
      root: database,
      text,
      bytes: sublevel(database, 'bytes', 'buffer'),
      views: sublevel(database, 'views', 'view'),
      json: sublevel(database, 'json', 'json'),
      nested: sublevel(text, 'nested', 'utf8'),
    }
    database.on('write', (operations: { type: string; encodedKey: unknown; encodedValue?: unknown }[]) => {
      this.#events.push(...operations.map(({ type, encodedKey }) => `${type} ${textOf(encodedKey)}`))
    })
  }

  /** Until then some calls are deferred and others refused, in each database for a time of its own. */
  async whenOpen(): Promise<void> {
    await this.#database.open()
    await Promise.all(Object.values(this.#targets).map((target) => target.open()))
  }

  /** The answer, or the code of the error, and the events that it came with. */
  async run(operation: Operation): Promise<string> {
    this.#events = []
    let answer: unknown
    try {
      answer = await this.#answer(operation)
    } catch (error) {
      const { code, name } = error as { code?: unknown; name?: unknown }
      answer = `failed: ${String(code ?? name)}`
    }
    return `${describeAnswer(answer)} | ${this.#events.join(', ')}`
  }

  /** Everything, to the byte. */
  async contents(): Promise<string> {
    const entries = await this.#database
      .iterator<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' })
      .all()
    return entries.map(([key, value]) => `${key.toString('hex')}=${value.toString('hex')}`).join('\n')
  }

  async #answer(operation: Operation): Promise<unknown> {
    const target = this.#targets[operation.target]
    switch (operation.type) {
      case 'put':
        return await target.put(operation.key, operation.value)
      case 'del':
        return await target.del(operation.key)
      case 'get':
        return await target.get(operation.key, this.#reading(operation))
      case 'getSync':
        return target.getSync(operation.key, this.#reading(operation))
      case 'has':
        return await target.has(operation.key, this.#reading(operation))
      case 'getMany':
        return await target.getMany([...operation.keys], this.#reading(operation))
      case 'hasMany':
        return await target.hasMany([...operation.keys], this.#reading(operation))
      case 'batch':
        return await this.#batch(target, operation)
      case 'clear':
        return await target.clear({ ...operation.range, ...this.#reading(operation) })
      case 'all':
        return await this.#iterate(target, operation.mode, { ...operation.range, ...this.#reading(operation) }).all()
      case 'snapshot':
        await this.#snapshots.get(operation.slot)?.close()
        this.#snapshots.set(operation.slot, target.snapshot())
        return undefined
      case 'closeSnapshot':
        return await this.#snapshots.get(operation.slot)?.close()
      case 'hook':
      case 'unhook':
        return this.#setHook(operation.type === 'hook')
      case 'open':
      case 'next':
      case 'nextv':
      case 'rest':
      case 'seek':
      case 'close':
        return await this.#answerOfIterator(target, operation)
    }
  }

  async #answerOfIterator(
    target: Database,
    operation: Extract<Operation, { type: 'open' | 'next' | 'nextv' | 'rest' | 'seek' | 'close' }>,
  ): Promise<unknown> {
    if (operation.type === 'open') {
      await this.#iterators.get(operation.slot)?.close()
      const without = operation.without === undefined ? {} : { [operation.without]: false }
      const options = { ...operation.range, ...this.#reading(operation), ...without }
      this.#iterators.set(operation.slot, this.#iterate(target, operation.mode, options))
      return undefined
    }
    const iterator = this.#iterators.get(operation.slot)
    switch (operation.type) {
      case 'next':
        return await iterator?.next()
      case 'nextv':
        return await iterator?.nextv(operation.count)
      case 'rest':
        return await iterator?.all()
      case 'seek':
        return iterator?.seek(operation.key)
      case 'close':
        return await iterator?.close()
    }
  }

  async #batch(target: Database, operation: Extract<Operation, { type: 'batch' }>): Promise<void> {
    if (!operation.isChained) {
      const operations = operation.writes.map((write) => ({ ...write, ...this.#delegation(write) }))
      await target.batch(operations as Parameters<typeof target.batch<unknown, unknown>>[0], {})
      return
    }
    const batch = target.batch()
    for (const [i, write] of operation.writes.entries()) {
      if (i === operation.clearAfter) {
        batch.clear()
      }
      const options = this.#delegation(write)
      if (write.type === 'put') {
        batch.put(write.key, write.value, options as object)
      } else {
        batch.del(write.key, options as object)
      }
    }
    await batch.write()
  }

  #delegation({ sublevel }: Write): { sublevel?: unknown } {
    return sublevel === undefined ? {} : { sublevel: this.#targets[sublevel] }
  }

  #iterate(target: Database, mode: Mode, options: OperationRange & { snapshot?: AbstractSnapshot }): Iterator {
    const steps = {
      iterator: () => target.iterator(options),
      keys: () => target.keys(options),
      values: () => target.values(options),
    }
    return steps[mode]() as Iterator
  }

  #reading({ snapshot }: { readonly snapshot?: number }): { snapshot?: AbstractSnapshot } {
    const found = snapshot === undefined ? undefined : this.#snapshots.get(snapshot)
    return found === undefined ? {} : { snapshot: found }
  }

  #setHook(isHooked: boolean): void {
    if (isHooked !== this.#isHooked) {
      this.#isHooked = isHooked
      const { prewrite } = this.#database.hooks
      const hook = this.#hook as unknown as Parameters<typeof prewrite.add>[0]
      if (isHooked) {
        prewrite.add(hook)
      } else {
        prewrite.delete(hook)
      }
    }
  }
}

function textOf(key: unknown): string {
  return typeof key === 'string' ? key : Buffer.from(key as Uint8Array).toString()
}

/** Bytes as bytes, whatever array they are in. */
function describeAnswer(answer: unknown): string {
  if (answer instanceof Uint8Array) {
    return `<${Buffer.from(answer).toString('hex')}>`
  }
  return Array.isArray(answer) ? `[${answer.map(describeAnswer).join(' ')}]` : (JSON.stringify(answer) ?? 'undefined')
}
