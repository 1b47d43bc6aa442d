/** What contents that no crash may leave say: which promise is broken, and by which keys. */
import type { CommitOrder } from './commit-order.ts'
import { Violation } from './violation.ts'

/** Which promise is broken by contents that no allowed number of writes leaves. */
export function violationOf(
  order: CommitOrder,
  digest: number,
  floor: number,
  ceiling: number,
  found: readonly (readonly [Buffer, Buffer])[],
): Violation {
  const range = `${floor} to ${ceiling} of ${order.count} writes may be there`
  const count = order.find(digest, 0, order.count)
  if (count !== undefined) {
    return count < floor
      ? new Violation('R1', `${range}, and ${count} are: acknowledged writes are lost`)
      : new Violation('R2', `${range}, and ${count} are: more than there were`)
  }
  const nearest = Array.from({ length: ceiling - floor + 1 }, (_, i) => differences(order.fork(floor + i), found))
  const least = nearest.reduce((a, b) => (b.length < a.length ? b : a))
  return new Violation(
    'R2 R3 R4',
    `${range}, and what is there is no prefix; the nearest differs in ${least.join(', ')}`,
  )
}

function differences(order: CommitOrder, found: readonly (readonly [Buffer, Buffer])[]): string[] {
  const there = new Map(found.map(([key, value]) => [key.toString(), value.toString()]))
  const keys = new Set([...there.keys(), ...order.contents.keys()])
  return [...keys].flatMap((key) => {
    const [is, should] = [there.get(key), order.contents.get(key)]
    return is === should ? [] : `${key} (${is?.slice(0, 12)} instead of ${should?.slice(0, 12)})`
  })
}
