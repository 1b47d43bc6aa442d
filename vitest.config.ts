// Unit tests beside the sources (`unit`) and tests across packages (`cross`). Either imports other
// packages by name and so gets their build: run `npm run build` first, `npm test` does.
import { defineConfig } from 'vitest/config'

const shared = { pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000 } as const

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'unit', include: ['packages/*/src/**/*.test.ts'] } },
      { test: { ...shared, name: 'cross', include: ['test/**/*.test.ts'] } },
    ],
  },
})
