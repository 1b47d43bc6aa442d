// Who may import whom, type imports included. Packages point one way:
//
//     storage <- workers <- engine <- level, cli, bench      level <- bench
//
// Layers inside a package go into `insidePackages`, one rule a line.

/** A rule that forbids imports from one set of paths to another. */
const forbid = (name, from, to) => ({ name, severity: 'error', from, to })

const sources = 'packages/[^/]+/src/'
const tests = '[.]test[.]ts$'

const betweenPackages = [
  forbid(
    'storage-is-the-bottom',
    { path: '^packages/storage/src/' },
    { path: '^packages/(workers|engine|level|cli|bench)/' },
  ),
  forbid('workers-above-storage', { path: '^packages/workers/src/' }, { path: '^packages/(engine|level|cli|bench)/' }),
  forbid('engine-above-workers', { path: '^packages/engine/src/' }, { path: '^packages/(level|cli|bench)/' }),
  forbid('level-above-engine', { path: '^packages/level/src/' }, { path: '^packages/(cli|bench)/' }),
  forbid('cli-is-a-leaf', { path: '^packages/cli/src/' }, { path: '^packages/(level|bench)/' }),
  forbid('bench-is-a-leaf', { path: '^packages/bench/src/' }, { path: '^packages/cli/' }),
  forbid('sources-never-import-tests', { path: `^${sources}`, pathNot: tests }, { path: `(${tests}|^test/)` }),
  // A relative path into another package would load its sources while the workers run its build.
  forbid(
    'other-packages-by-name',
    { path: '^(packages/[^/]+|test)/' },
    { path: '^packages/[^/]+/src/', pathNot: '^$1/' },
  ),
]

const insidePackages = [
  forbid(
    'files-only-through-env',
    {
      path: '^packages/(storage|workers|engine)/src/',
      pathNot: ['^packages/storage/src/env/', '/test-support/', tests],
    },
    { path: '^(node:)?fs(/promises)?$' },
  ),
]

// A folder may import from those before it in its row, never from those behind it.
const layers = {
  storage: ['env', 'wal', 'compression', 'table', 'manifest'],
  workers: ['jobs', '(flush|compaction)', 'verify', 'threads'],
  engine: [
    'wal',
    'memtable',
    'version',
    'cache',
    'jobs',
    '(flush|compaction)',
    'read',
    'write',
    'recovery',
    '(checkpoint|verify|repair|transaction)',
    'share',
  ],
}

for (const [name, folders] of Object.entries(layers)) {
  const inside = `^packages/${name}/src/`
  for (const [i, folder] of folders.slice(0, -1).entries()) {
    const above = folders.slice(i + 1).join('|')
    insidePackages.push(
      forbid(`${name}-${folder}-imports-downward`, { path: `${inside}${folder}/` }, { path: `${inside}(${above})/` }),
    )
  }
}

insidePackages.push(
  forbid(
    'engine-root-is-the-top',
    { path: '^packages/engine/src/[^/]+/' },
    { path: '^packages/engine/src/(engine|store|open|index)[.]ts$' },
  ),
  // A remote store shows the statistics of the store.
  forbid(
    'statistics-are-of-the-whole',
    { path: '^packages/engine/src/[^/]+/', pathNot: '^packages/engine/src/share/' },
    { path: '^packages/engine/src/store-stats[.]ts$' },
  ),
  // Two threads: what they have in common is in the folder above.
  forbid(
    'share-owner-and-remote-are-apart',
    { path: '^packages/engine/src/share/(owner|remote)/' },
    { path: '^packages/engine/src/share/(owner|remote)/', pathNot: '^packages/engine/src/share/$1/' },
  ),
  forbid(
    'share-protocol-is-below-both-sides',
    { path: '^packages/engine/src/share/[^/]+$' },
    { path: '^packages/engine/src/share/(owner|remote)/' },
  ),
)

const everywhere = [
  forbid('no-cycles', {}, { circular: true }),
  forbid('resolvable', {}, { couldNotResolve: true }),
  forbid(
    'no-test-tools-in-sources',
    { path: `^${sources}`, pathNot: tests },
    { dependencyTypes: ['npm-dev'], pathNot: '(^|/)node_modules/@types/', dependencyTypesNot: ['type-only'] },
  ),
]

export default {
  forbidden: [...betweenPackages, ...insidePackages, ...everywhere],
  options: {
    parser: 'tsc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['/coverage/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
}
