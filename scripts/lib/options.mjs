/** Parses command-line options; a fault is answered with the usage line. */
import { parseArgs } from 'node:util';
import { Failure } from './failure.mjs';

/**
 * @param {NonNullable<import('node:util').ParseArgsConfig['options']>} options
 * @param {string} usage one line, printed for --help and after a fault
 * @returns {Record<string, any>}
 */
export function readOptions(options, usage, args = process.argv.slice(2)) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      strict: true,
      allowPositionals: false,
    }));
  } catch (error) {
    throw new Failure(error.message.split('. ')[0], [usage]);
  }
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  return values;
}
