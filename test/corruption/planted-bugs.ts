/** Bugs that the tests of damage must find: each leaves out one thing that tells what is right from what is not. */
import { bug, engineBug, type PlantedBug } from '../planted-bugs/planted-bug.ts'

const CHECKSUM = '@varve/storage/dist/checksum.js'
const MANIFEST_READER = '@varve/storage/dist/manifest/manifest-reader.js'
const TABLE_FORMAT = '@varve/storage/dist/table/table-format.js'

export const PLANTED_BUGS: readonly PlantedBug[] = [
  engineBug(
    'damage is a torn tail, whatever later groups say was durable',
    'recovery/wal-replay.js',
    'checkNothingPromised(stop, later, known.closedWals);',
    '',
  ),
  engineBug(
    'a clean close records nothing of the logs that remain',
    'flush/flush-scheduler.js',
    'await this.#versions.apply({ closedWals });',
    '',
  ),
  engineBug(
    'a log that the manifest names may be missing',
    'recovery/recover-store.js',
    'if (logNumber !== NO_LOG && !names.includes(walFileName(logNumber))) {',
    'if (false) {',
  ),
  engineBug(
    'tables and logs without CURRENT are no store',
    'recovery/recover-store.js',
    "if (numbersOf('table', names).length > 0 || replay.wals.length > 0 || replay.cutOff.length > 0) {",
    'if (false) {',
  ),
  engineBug(
    'tables that an edit at the cut end of a manifest named are deleted',
    'recovery/recover-store.js',
    "(file.kind === 'table' && manifestWasTorn)",
    'false',
  ),
  bug('the checksum of a block is not compared', [
    TABLE_FORMAT,
    'if (getUint32(bytes, end + 1) !== checksum(bytes.subarray(start, end + 1), checksumSeed(tableNumber, offset))) {',
    'if (false) {',
  ]),
  bug('checksums do not say where their bytes belong', [
    CHECKSUM,
    'return crc32(bytes, seed);',
    'return crc32(bytes);',
  ]),
  bug('a damaged record ends a manifest, whatever stands behind it', [
    MANIFEST_READER,
    'else if (damage === undefined && hasRecordAfter(bytes, number, offset)) {',
    'else if (false) {',
  ]),
  engineBug(
    'what a repair does not need any more is deleted',
    'repair/store-repair.js',
    '...(await setAside(files, directory, obsolete.filter((name) => !isManifest(name)))),',
    '...(await Promise.all(obsolete.filter((name) => !isManifest(name)).map(async (name) => { await files.remove(join(directory, name)); return { name, lostName: name }; }))),',
  ),
]
