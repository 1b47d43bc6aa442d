#!/usr/bin/env node
/** The process around the benchmarks: its arguments, its output, its exit code. */
import { run } from './program.ts'

process.exitCode = await run(process.argv.slice(2))
