// Unit tests beside the sources (`unit`) and tests across packages (`cross`). Either imports other
// packages by name and so gets their build: run `npm run build` first, `npm test` does.
import { defineConfig } from 'vitest/config'

/** `VARVE_BUILD` names a directory with copies of the built packages, which the tests then import. */
const build = process.env['VARVE_BUILD']
const packages = ['varve', '@varve/storage', '@varve/workers']
const alias =
  build === undefined
    ? {}
    : Object.fromEntries(packages.map((name) => [name, `${build}/node_modules/${name}/dist/index.js`]))

const shared = { pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000, alias } as const

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'unit', include: ['packages/*/src/**/*.test.ts'] } },
      { test: { ...shared, name: 'cross', include: ['test/**/*.test.ts'] } },
    ],
  },
})
