/**
 * devforge-instruction [--state=DIR] [--claude=FILE] COMMAND ID [ARGUMENT]
 * The options are for tests. Exit codes: 0 with an answer on stdout, 2 usage error, 3 no such instruction, 1 other errors.
 */
import { parseCommand, UsageError } from './command-line.mjs';

/** @type {Record<string, (settings: import('./command-line.mjs').Settings) => unknown>} */
const commands = {
  start: async (settings) => (await import('./start.mjs')).start(settings),
  resume: async (settings) => (await import('./start.mjs')).resume(settings),
  follow: async (settings) => (await import('./follow.mjs')).follow(settings),
  cancel: async (settings) => (await import('./cancel.mjs')).cancel(settings),
  answer: async (settings) => (await import('./answer.mjs')).answer(settings),
  diff: async (settings) => (await import('./diff-remove.mjs')).diff(settings),
  remove: async (settings) => (await import('./diff-remove.mjs')).remove(settings),
};

try {
  const settings = parseCommand(process.argv.slice(2), Object.keys(commands));
  await commands[settings.command]?.(settings);
} catch (error) {
  const text = error instanceof UsageError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`devforge-instruction: ${text}\n`);
  process.exit(error instanceof UsageError ? error.exitCode : 1);
}
