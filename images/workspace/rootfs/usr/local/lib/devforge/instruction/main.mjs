/**
 * devforge-instruction [--state=DIR] [--claude=FILE] COMMAND ID [ARGUMENT]
 * The options are for tests. Exit codes: 0 with an answer on stdout, 2 wrong use, 3 no such instruction, 1 anything else.
 */
import { parseCommand, UsageError } from './command-line.mjs';

const commands = {
  start: async (settings) => (await import('./begin.mjs')).start(settings),
  resume: async (settings) => (await import('./begin.mjs')).resume(settings),
  follow: async (settings) => (await import('./follow.mjs')).follow(settings),
  cancel: async (settings) => (await import('./cancel.mjs')).cancel(settings),
  answer: async (settings) => (await import('./answer.mjs')).answer(settings),
  diff: async (settings) => (await import('./finished.mjs')).diff(settings),
  remove: async (settings) => (await import('./finished.mjs')).remove(settings),
};

try {
  const settings = parseCommand(process.argv.slice(2), Object.keys(commands));
  await commands[settings.command](settings);
} catch (error) {
  process.stderr.write(`devforge-instruction: ${error instanceof UsageError ? error.message : error?.stack}\n`);
  process.exit(error?.exitCode ?? 1);
}
