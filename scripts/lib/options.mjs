/** Parses command-line options; a fault is answered with what to run. */
import { parseArgs } from 'node:util';
import { Failure } from './failure.mjs';

/**
 * @param {NonNullable<import('node:util').ParseArgsConfig['options']>} options
 * @param {{ help: string, hint?: string }} usage the text for --help, and the line after a fault: by default the same
 * @returns {Record<string, any>}
 */
export function readOptions(options, { help, hint = help }, args = process.argv.slice(2)) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      strict: true,
      allowPositionals: false,
    }));
  } catch (error) {
    throw new Failure(error.message.split('. ')[0], [hint]);
  }
  if (values.help) {
    process.stdout.write(`${help}\n`);
    process.exit(0);
  }
  return values;
}
