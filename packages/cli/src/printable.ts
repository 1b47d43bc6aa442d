/** Keys and values as text that is safe on a terminal. For people: `--json` and `get` give what is stored. */
import { isUtf8 } from 'node:buffer'

/** Control characters, and what turns the direction of writing. */
const unprintable = /[\p{Cc}\p{Bidi_Control}]/gu

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

/** One line: control characters and bytes that are not UTF-8 as escapes; cut to `widthMax` characters, if given. */
export function printable(content: Uint8Array | string, widthMax?: number): string {
  // A character has at most four bytes: no need to look at the megabytes that will be cut off.
  const head = widthMax === undefined ? content : content.slice(0, widthMax * 4 + 4)
  const text = typeof head === 'string' ? escapeControls(head) : printableBytes(head, head.length < content.length)
  if (widthMax === undefined) {
    return text
  }
  const characters = Array.from(text)
  const isCut = characters.length > widthMax || head.length < content.length
  return isCut ? `${characters.slice(0, widthMax - 1).join('')}…` : text
}

function printableBytes(bytes: Uint8Array, isCut: boolean): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // The cut may have gone through a character.
  for (let dropped = 0; dropped <= (isCut ? 3 : 0); dropped++) {
    const whole = buffer.subarray(0, buffer.length - dropped)
    if (isUtf8(whole)) {
      return escapeControls(whole.toString('utf8'))
    }
  }
  return buffer.toString('latin1').replace(/[^\u0020-\u007e]/g, escapeCharacter)
}

function escapeControls(text: string): string {
  return text.replace(unprintable, escapeCharacter)
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  const hex = code.toString(16)
  return shortEscapes.get(character) ?? (code > 0xff ? `\\u${hex.padStart(4, '0')}` : `\\x${hex.padStart(2, '0')}`)
}
