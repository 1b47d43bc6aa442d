/** The commands with their options, arguments and help. What they do is in `commands/`, loaded when one is run. */
import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { defaultDirectory } from './command-context.ts'
import type { CommandContext, Surroundings } from './command-context.ts'
import type { DestroyOptions } from './commands/destroy.ts'
import type { DatabaseImportOptions } from './commands/import-database.ts'
import type { ImportOptions } from './commands/import.ts'
import type { ScanOptions } from './commands/scan.ts'
import type { StatsOptions } from './commands/stats.ts'
import { CommandFailure, describeFailure, exitCodes } from './failure.ts'

/** What `varve` without a command does. */
const defaultCommand = 'show'

/** Runs the command that `args` name and resolves to the exit code; whatever goes wrong has been told by then. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { output, interruption } = surroundings
  const program = createProgram(surroundings)
  try {
    const { operands, unknown } = program.parseOptions([...args])
    const isAlone = operands.length === 0 && unknown.length === 0
    await program.parseAsync(isAlone ? [defaultCommand, ...args] : args, { from: 'user' })
    if (output.failure !== undefined) {
      throw output.failure
    }
    return interruption.exitCode ?? exitCodes.success
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has printed its message. Its own exit code is 1 for every wrong usage.
      return error.exitCode === 0 ? exitCodes.success : exitCodes.usage
    }
    const { text, exitCode } = describeFailure(error)
    output.complain(text)
    return exitCode
  }
}

function createProgram(surroundings: Surroundings): Command {
  const { output } = surroundings
  const program = new Command('varve')
    .description(
      'An embedded, ordered key-value store. Without a command: fills an empty store with sample data and shows it.',
    )
    .version(readVersion(), '-V, --version')
    .option('-d, --directory <dir>', 'the directory of the store', parseDirectory, defaultDirectory)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void output.print(text),
      writeErr: (text) => output.note(text.trimEnd()),
      outputError: (text) => output.complain(text.replace(/^error: /, '').trimEnd()),
    })
    .exitOverride()
  // Settings above are inherited by commands that are added after them.
  const context = (): CommandContext => ({ ...surroundings, ...program.opts<{ directory: string }>() })
  addShow(program, context)
  addImport(program, context)
  addEntryCommands(program, context)
  addScan(program, context)
  addMaintenance(program, context)
  return program.addHelpText(
    'after',
    examples(['', 'import people.ndjson --key id', 'scan --prefix city/IS/ --limit 5']),
  )
}

type ContextSource = () => CommandContext

function addShow(program: Command, context: ContextSource): void {
  program
    .command(defaultCommand)
    .description('show what the store holds; an empty one is filled with 135 thousand cities first')
    .addHelpText('after', examples(['', 'show', '--directory ./other']))
    .action(async () => (await import('./commands/show.ts')).show(context()))
}

function addImport(program: Command, context: ContextSource): void {
  program
    .command('import')
    .description('put every record of an NDJSON or CSV file, or every entry of a database of classic-level')
    .argument('<source>', 'a .ndjson, .jsonl or .csv file; - for standard input; with --from a directory')
    .option('-k, --key <field>', 'the field, or column, whose value is the key; a.b for a field within a field')
    .addOption(
      new Option('--from <package>', 'an abstract-level package that is installed here: copies its database').conflicts(
        ['key', 'format', 'prefix', 'strict'],
      ),
    )
    .option('--export <name>', 'the class of that package, where it has several')
    .addOption(
      new Option('-f, --format <format>', 'what the file is, if its name does not tell').choices(['ndjson', 'csv']),
    )
    .option('--delimiter <character>', 'what separates CSV columns; "tab" for a tabulator', parseDelimiter, ',')
    .option('-p, --prefix <text>', 'put this before each key', '')
    .option('--strict', 'stop at the first bad line; else bad lines are counted, shown and left out', false)
    .option('--sync', 'make each record durable before the next ones; else all of them, once, at the end', false)
    .addHelpText(
      'after',
      examples([
        'import people.ndjson --key id',
        'import orders.csv --key order_id --prefix order/',
        'import events.jsonl --key meta.id --strict',
        ['gunzip -c people.csv.gz |', 'import - --format csv --key id'],
        'import ./old-db --from classic-level --directory ./new-db',
      ]),
    )
    .action(async (source: string, options: ImportOptions | DatabaseImportOptions, command: Command) => {
      if ('from' in options) {
        return (await import('./commands/import-database.ts')).importDatabase(context(), source, options)
      }
      return options.key === undefined
        ? command.error("required option '-k, --key <field>' not specified")
        : (await import('./commands/import.ts')).importFile(context(), source, options)
    })
}

function addEntryCommands(program: Command, context: ContextSource): void {
  program
    .command('get')
    .description('print the value of a key')
    .argument('<key>')
    .addHelpText('after', examples(['get city/IS/Akranes/3416706']))
    .action(async (key: string) => (await import('./commands/get.ts')).getKey(context(), key))
  program
    .command('put')
    .description('store a value; creates the store if there is none')
    .argument('<key>')
    .argument('<value>')
    .addHelpText('after', examples(['put user/7 \'{"name":"Ada"}\'', 'put -- -5 minus-five']))
    .action(async (key: string, value: string) => (await import('./commands/put.ts')).putKey(context(), key, value))
  program
    .command('delete')
    .description('delete a key; one that is not there is no failure')
    .argument('<key>')
    .addHelpText('after', examples(['delete user/7']))
    .action(async (key: string) => (await import('./commands/delete.ts')).deleteKey(context(), key))
}

function addScan(program: Command, context: ContextSource): void {
  program
    .command('scan')
    .description('print the entries of a range in the order of their keys, key and value separated by a tabulator')
    .option('-p, --prefix <text>', 'keys that begin with this')
    .option('--gt <key>', 'keys after this one')
    .option('--gte <key>', 'this key and those after it')
    .option('--lt <key>', 'keys before this one')
    .option('--lte <key>', 'this key and those before it')
    .option('-n, --limit <count>', 'at most this many', parseCount)
    .option('-r, --reverse', 'the last key first')
    .option('--keys', 'keys alone')
    .option('--json', 'one JSON object a line: key, value; keyBase64, valueBase64 for bytes that are not UTF-8')
    .addHelpText(
      'after',
      examples([
        'scan --prefix city/NZ/ --limit 10',
        'scan --gte a --lt b --keys',
        ['', 'scan --json --reverse', '| head'],
      ]),
    )
    .action(async (options: ScanOptions) => (await import('./commands/scan.ts')).scan(context(), options))
}

function addMaintenance(program: Command, context: ContextSource): void {
  program
    .command('stats')
    .description('show levels, sizes and memory')
    .option('--json', 'as JSON')
    .addHelpText('after', examples(['stats', 'stats --json']))
    .action(async (options: StatsOptions) => (await import('./commands/stats.ts')).showStats(context(), options))
  program
    .command('compact')
    .description('merge all tables down: deleted and overwritten entries give their space back')
    .addHelpText('after', examples(['compact']))
    .action(async () => (await import('./commands/compact.ts')).compact(context()))
  program
    .command('checkpoint')
    .description('make a store of its own, in a new directory, of what the store holds now')
    .argument('<target>', 'a directory that does not exist yet; on the same file system tables take no room twice')
    .addHelpText('after', examples(['checkpoint ../backup/monday', 'checkpoint copy --directory ./other']))
    .action(async (target: string) => (await import('./commands/checkpoint.ts')).checkpoint(context(), target))
  program
    .command('verify')
    .description('read everything and print what is damaged; the exit code is 1 if anything is')
    .addHelpText('after', examples(['verify', 'verify --directory ../backup/monday']))
    .action(async () => (await import('./commands/verify.ts')).verify(context()))
  program
    .command('repair')
    .description('make a damaged store open again; says what is lost, and moves damaged files to lost/')
    .addHelpText('after', examples(['repair', 'repair --directory ./other']))
    .action(async () => (await import('./commands/repair.ts')).repairStore(context()))
  program
    .command('destroy')
    .description('delete the store and everything in it')
    .option('--yes', 'do it')
    .addHelpText('after', examples(['destroy --yes']))
    .action(async (options: DestroyOptions) => (await import('./commands/destroy.ts')).destroyStore(context(), options))
}

/** A line of help each; with what stands before and after the command where that is more than its arguments. */
function examples(lines: readonly (string | readonly [before: string, args: string, after?: string])[]): string {
  const rendered = lines.map((line) => {
    const [before, args, after = ''] = typeof line === 'string' ? ['', line] : line
    return `  ${[before, 'varve', args, after].filter((part) => part !== '').join(' ')}`
  })
  return `\nExamples (from a clone, \`npm start --\` stands for \`varve\`):\n${rendered.join('\n')}`
}

/** An empty name would stand for the current directory: more likely a variable that is not set. */
function parseDirectory(text: string): string {
  if (text === '') {
    throw new InvalidArgumentError('it must not be empty.')
  }
  return text
}

function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new InvalidArgumentError('it must be a whole number, 0 or more.')
  }
  return Number(text)
}

function parseDelimiter(text: string): string {
  const delimiter = text === 'tab' || text === '\\t' ? '\t' : text
  if (!/^[\t -~]$/.test(delimiter) || delimiter === '"') {
    throw new InvalidArgumentError('it must be one ASCII character, not a quote.')
  }
  return delimiter
}

function readVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('@varve/cli/package.json')
  if (
    typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  ) {
    return manifest.version
  }
  throw new CommandFailure('package.json has no version')
}
