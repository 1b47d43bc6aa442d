#!/usr/bin/env node
/** The process around the commands: its streams, its signals, its exit code. */
import { Interruption } from './interruption.ts'
import { Output } from './output.ts'
import { run } from './program.ts'

const interruption = new Interruption()
interruption.listen()
process.exitCode = await run(process.argv.slice(2), {
  output: new Output(process.stdout, process.stderr),
  interruption,
  progressStream: process.stderr,
})
