import { describe, expect, test } from 'vitest'
import { readCsv } from './csv.ts'
import type { SourceItem } from './record-source.ts'

interface ReadChoice {
  readonly field?: string
  readonly delimiter?: string
  readonly chunkSizeBytes?: number
}

async function read(content: string | Buffer, choice: ReadChoice = {}): Promise<SourceItem[]> {
  const { field = 'id', delimiter = ',', chunkSizeBytes = 1 << 20 } = choice
  const items: SourceItem[] = []
  const chunks = chunksOf(Buffer.from(content as string), chunkSizeBytes)
  for await (const item of readCsv(chunks, { field, delimiter })) {
    items.push(item)
  }
  return items
}

async function* chunksOf(bytes: Buffer, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += sizeBytes) {
    yield bytes.subarray(offset, offset + sizeBytes)
  }
}

const record = (line: number, key: string, columns: Record<string, string>): SourceItem => ({
  line,
  record: { key, value: JSON.stringify(columns) },
})

describe('readCsv', () => {
  test.each([1, 2, 3, 5, 1000])('gives the same in chunks of %i bytes', async (chunkSizeBytes) => {
    const content = [
      '\uFEFF"id",name\r\n',
      'a,"Ada, the ""first"""\r\n',
      '\r\n',
      'b,"two\r\nlines, or\nthree"\r\n',
      '"c\n",é\n',
      'd,',
    ].join('')
    expect(await read(content, { chunkSizeBytes })).toEqual([
      record(2, 'a', { id: 'a', name: 'Ada, the "first"' }),
      record(4, 'b', { id: 'b', name: 'two\r\nlines, or\nthree' }),
      record(7, 'c\n', { id: 'c\n', name: 'é' }),
      record(9, 'd', { id: 'd', name: '' }),
    ])
  })

  test.each([1, 4, 1000])('bad rows spoil only themselves, in chunks of %i bytes', async (chunkSizeBytes) => {
    const rows = [
      'id,name',
      'a,1',
      'b',
      'c,1,2',
      'd,5" pipe',
      '"e"x,1',
      ',none',
      'f,"open\nstill"',
      'g,1',
      'h,"never closed\n',
    ]
    const items = await read(rows.join('\n'), { chunkSizeBytes })
    expect(items.map((item) => ('problem' in item ? [item.line, item.problem] : [item.line, item.record.key]))).toEqual(
      [
        [2, 'a'],
        [3, 'has 1 column, the header 2'],
        [4, 'has 3 columns, the header 2'],
        [5, expect.stringContaining('a quote in the middle')],
        [6, expect.stringContaining('follows a closing quote')],
        [7, 'the field "id" is empty'],
        [8, 'f'],
        [10, 'g'],
        [11, expect.stringContaining('a quote is not closed')],
      ],
    )
  })

  test('finds single bad rows among thousands', async () => {
    const rows = Array.from({ length: 5000 }, (_, index) => (index % 700 === 13 ? `k${index},"x"y` : `k${index},"v"`))
    const items = await read(`id,v\n${rows.join('\n')}\n`)
    expect(items).toHaveLength(5000)
    items.forEach((item, index) => {
      expect(item.line).toBe(index + 2)
      expect('problem' in item).toBe(index % 700 === 13)
    })
  })

  test('a row beyond the bound is one bad row', async () => {
    const content = `id,t\na,"${'x\n'.repeat(9 * 1024 * 1024)}"\nb,1\n`
    expect(await read(content, { chunkSizeBytes: 64 * 1024 })).toEqual([
      { line: 2, problem: expect.stringContaining('longer than 16 MiB') },
      record(2 + 9 * 1024 * 1024 + 1, 'b', { id: 'b', t: '1' }),
    ])
  })

  test('a row that is not UTF-8 is bad', async () => {
    const bytes = Buffer.concat([Buffer.from('id,t\na,'), Buffer.from([0xe9]), Buffer.from('\nb,1\n')])
    expect(await read(bytes)).toEqual([{ line: 2, problem: 'not UTF-8' }, record(3, 'b', { id: 'b', t: '1' })])
  })

  test('other delimiters', async () => {
    expect(await read('id;n\na;"1;2"\n', { delimiter: ';' })).toEqual([record(2, 'a', { id: 'a', n: '1;2' })])
    expect(await read('id\tn\na\t1,2\n', { delimiter: '\t' })).toEqual([record(2, 'a', { id: 'a', n: '1,2' })])
  })

  test('column names are data: no name is special', async () => {
    const items = await read('id,__proto__,10,2\na,b,c,d\n')
    expect(items).toEqual([{ line: 2, record: { key: 'a', value: '{"id":"a","__proto__":"b","10":"c","2":"d"}' } }])
  })

  test('a header that cannot be used is a failure of the file', async () => {
    await expect(read('')).rejects.toThrow('no header row')
    await expect(read('\n\n')).rejects.toThrow('no header row')
    await expect(read('a,b\n1,2\n')).rejects.toThrow('no column "id"; it has: a, b')
    await expect(read('id,a,a\n1,2,3\n')).rejects.toThrow('names the column "a" twice')
    await expect(read('id,"a\n')).rejects.toThrow('line 1, the CSV header: not CSV: a quote is not closed')
  })

  test('a header alone is a file without records', async () => {
    expect(await read('id,name\n')).toEqual([])
    expect(await read('id,name')).toEqual([])
  })
})
