// docs/durability.md names tests and variables that exist, and the numbers that they have.
import { expect, test } from 'vitest'
import { PLANTED_BUGS as DAMAGE_BUGS } from '../corruption/planted-bugs.ts'
import { PLANTED_BUGS as CRASH_BUGS } from '../crash-exploration/planted-bugs.ts'
import { PLANTED_BUGS as FAULT_BUGS } from '../fault-exploration/planted-bugs.ts'
import { PLANTED_BUGS as WORKER_BUGS } from '../planted-bugs/worker-bugs.ts'
import { codeSpans, readDocument, section, table } from './documents.ts'

const text = readDocument('docs/durability.md')
const { rows } = table(section(text, 'What is tried'))

/** The number that a test tries unless the environment says otherwise. */
function defaultOf(path: string, variable: string): string {
  const digits = new RegExp(`environmentCount\\('${variable}', ([\\d_]+)\\)`).exec(readDocument(path))?.[1]
  return Number(digits?.replaceAll('_', '')).toLocaleString('en-US')
}

/** Of each row that names both: its test, and the variable that makes it longer. */
const longer = rows.flatMap(([, tests = '', states = '', , how = '']) => {
  const [path] = codeSpans(tests)
  const variable = /VARVE_\w+/.exec(how)?.[0]
  return path?.startsWith('test/') === true && variable !== undefined ? [{ path, variable, states }] : []
})

test('the variables are those that the tests read, or those of the seeds', () => {
  const read = longer.filter(({ path, variable }) =>
    readDocument(path).includes(variable === 'VARVE_SEED' ? 'seedsOfRun' : variable),
  )
  expect(longer.length).toBeGreaterThan(8)
  expect(longer.filter((row) => !read.includes(row))).toEqual([])
})

test('numbers of states are those of the tests', () => {
  const counted = longer.filter(({ path, variable }) => readDocument(path).includes(`environmentCount('${variable}'`))
  const wrong = counted.filter(({ path, variable, states }) => {
    // One run for each seed of a run, of which there are two.
    const count = defaultOf(path, variable)
    const twice = (2 * Number(count.replaceAll(',', ''))).toLocaleString('en-US')
    return !new RegExp(`\\b(?:${count}|${twice})`).test(states) && count !== '0'
  })
  expect(wrong).toEqual([])
})

test('every invariant that crashes, faults and damage could break has a row', () => {
  const covered = rows.map(([invariants = '']) => invariants).join('; ')
  const missing = ['R1 to R7, R9 to R11', 'R8', 'R13', 'R14'].filter((name) => !covered.includes(name))
  expect(missing).toEqual([])
})

test('nothing that fails is left standing', () => {
  expect(rows.filter(([, , , failures]) => failures !== '0')).toEqual([])
})

const rules = table(section(text, 'The rules, and what shows that each is needed')).rows
const told = rules.flatMap(([, , bugs = '']) => (bugs === '-' ? [] : bugs.split('; ')))
const planted = [...CRASH_BUGS, ...FAULT_BUGS, ...DAMAGE_BUGS, ...WORKER_BUGS].map(({ name }) => name)

test('the planted bugs of the rules are those of the lists', () => {
  expect(told.toSorted()).toEqual(planted.toSorted())
})
