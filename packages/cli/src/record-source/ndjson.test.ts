import { describe, expect, test } from 'vitest'
import { readNdjson } from './ndjson.ts'
import type { SourceItem } from './record-source.ts'

async function read(content: string | Buffer, field = 'id', chunkSizeBytes = 1 << 20): Promise<SourceItem[]> {
  const items: SourceItem[] = []
  for await (const item of readNdjson(chunksOf(Buffer.from(content as string), chunkSizeBytes), field)) {
    items.push(item)
  }
  return items
}

async function* chunksOf(bytes: Buffer, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += sizeBytes) {
    yield bytes.subarray(offset, offset + sizeBytes)
  }
}

const record = (line: number, key: string, value: string): SourceItem => ({ line, record: { key, value } })

describe('readNdjson', () => {
  test.each([1, 2, 3, 7, 1000])('gives the same in chunks of %i bytes', async (chunkSizeBytes) => {
    const content = '\uFEFF{"id":"a"}\r\n\r\n{"id":"é","n":1}\n   \n{"id":3}\r\n{"id":true}'
    expect(await read(content, 'id', chunkSizeBytes)).toEqual([
      record(1, 'a', '{"id":"a"}'),
      record(3, 'é', '{"id":"é","n":1}'),
      record(5, '3', '{"id":3}'),
      record(6, 'true', '{"id":true}'),
    ])
  })

  test('an empty file has no records', async () => {
    expect(await read('')).toEqual([])
    expect(await read('\n\n\r\n')).toEqual([])
    expect(await read('\uFEFF')).toEqual([])
  })

  test('keeps the record as it stands: digits, order, repeated fields', async () => {
    const line = '{"n":12345678901234567890, "id":"a", "n":1.10}'
    expect(await read(`  ${line}  \n`)).toEqual([record(1, 'a', line)])
  })

  test('names every bad line by its number and goes on', async () => {
    const lines = [
      '{"id":"a"}',
      'nonsense',
      '[1]',
      '"text"',
      'null',
      '{"x":1}',
      '{"id":null}',
      '{"id":{}}',
      '{"id":[1]}',
    ]
    const more = ['{"id":""}', '{"id":12345678901234567890}', '{"id":1e999}', '{"id":"z"}', '{"id":']
    const items = await read([...lines, ...more].join('\n'))
    expect(items.map((item) => ('problem' in item ? [item.line, item.problem] : [item.line]))).toEqual([
      [1],
      [2, expect.stringMatching(/^not JSON: /)],
      [3, 'not a JSON object'],
      [4, 'not a JSON object'],
      [5, 'not a JSON object'],
      [6, 'no field "id"'],
      [7, expect.stringContaining('is null')],
      [8, expect.stringContaining('is an object')],
      [9, expect.stringContaining('is an array')],
      [10, 'the field "id" is empty'],
      [11, expect.stringContaining('too large to be exact')],
      [12, expect.stringContaining('too large to be exact')],
      [13],
      [14, expect.stringMatching(/^not JSON: /)],
    ])
  })

  test('a line that is not UTF-8 is bad; it is not mended', async () => {
    const bytes = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff]), Buffer.from('"}\n{"id":"b"}\n')])
    expect(await read(bytes)).toEqual([{ line: 1, problem: 'not UTF-8' }, record(2, 'b', '{"id":"b"}')])
  })

  test('a line beyond the bound is one bad line, whatever the chunks', async () => {
    const long = `{"id":"a","text":"${'x'.repeat(17 * 1024 * 1024)}"}`
    const items = await read(`{"id":"first"}\n${long}\n{"id":"last"}`, 'id', 64 * 1024)
    expect(items).toEqual([
      record(1, 'first', '{"id":"first"}'),
      { line: 2, problem: 'longer than 16 MiB' },
      record(3, 'last', '{"id":"last"}'),
    ])
  })

  test('a line of exactly the bound is a record', async () => {
    const frame = '{"id":"a","t":""}'
    const line = `{"id":"a","t":"${'x'.repeat(16 * 1024 * 1024 - frame.length)}"}`
    for (const content of [line, `${line}\n`, `${line}\r\n`, `\uFEFF${line}\r\n`]) {
      const items = await read(content, 'id', 256 * 1024)
      expect(items.map((item) => 'record' in item && item.record.key)).toEqual(['a'])
    }
    expect(await read(`${line} `)).toEqual([{ line: 1, problem: 'longer than 16 MiB' }])
  })

  test('a dotted field reaches into objects and arrays; a field of that name goes before', async () => {
    expect(await read('{"a":{"b":"deep"}}', 'a.b')).toEqual([record(1, 'deep', '{"a":{"b":"deep"}}')])
    expect(await read('{"a":{"b":"deep"},"a.b":"flat"}', 'a.b')).toMatchObject([{ record: { key: 'flat' } }])
    expect(await read('{"a":["x","y"]}', 'a.1')).toMatchObject([{ record: { key: 'y' } }])
    expect(await read('{"a":"text"}', 'a.length')).toEqual([{ line: 1, problem: 'no field "a.length"' }])
  })

  test('inherited properties are no fields', async () => {
    for (const field of ['constructor', 'toString', '__proto__', 'constructor.name']) {
      expect(await read('{"id":"a"}', field)).toEqual([{ line: 1, problem: `no field "${field}"` }])
    }
    expect(await read('{"__proto__":"own"}', '__proto__')).toMatchObject([{ record: { key: 'own' } }])
  })
})
