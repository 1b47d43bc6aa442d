import { expect, test } from 'vitest'
import { printable } from './printable.ts'

test('control characters, direction marks and broken UTF-8 become escapes', () => {
  expect(printable('a\tb\nc\r\u001b[2J')).toBe('a\\tb\\nc\\r\\x1b[2J')
  expect(printable('a\u202eb')).toBe('a\\u202eb')
  expect(printable(Buffer.from([0x61, 0xff, 0x00, 0x62]))).toBe('a\\xff\\x00b')
  expect(printable(Buffer.from('Zürich 東京 😀'))).toBe('Zürich 東京 😀')
})

test('cuts to a width in characters, never inside of one', () => {
  expect(printable('abcdef', 6)).toBe('abcdef')
  expect(printable('abcdefg', 6)).toBe('abcde…')
  expect(printable('😀'.repeat(7), 6)).toBe(`${'😀'.repeat(5)}…`)
  for (let widthMax = 2; widthMax < 9; widthMax++) {
    expect(printable(Buffer.from('é東😀'.repeat(100)), widthMax)).not.toContain('\\x')
  }
  expect(printable(Buffer.alloc(1 << 24, 0x61), 10)).toBe('aaaaaaaaa…')
})
