import { parseArgs } from 'node:util';
import type { Template } from '../../../test/support/api/types.js';

export interface LogsBenchOptions {
  /** Short lines of each round. */
  lines: number;
  /** Rounds of each side. */
  pairs: number;
  /** Written while one reader is paused. */
  megabytes: number;
  template: Template;
  /** The built server; without one `DEVFORGE_ENTRY`, else `dist/main.js`, brought up to date. */
  entry: string | undefined;
  /** A missed target is a failure. */
  strict: boolean;
}

export const USAGE =
  'npm run bench -- logs [--lines 2000000] [--pairs 3] [--megabytes 300] [--template claude|vscode|both] [--entry dist/main.js] [--strict]';

/** @throws Error with the usage for anything else */
export function readOptions(args: string[]): LogsBenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      lines: { type: 'string', default: '2000000' },
      pairs: { type: 'string', default: '3' },
      megabytes: { type: 'string', default: '300' },
      template: { type: 'string', default: 'claude' },
      entry: { type: 'string' },
      strict: { type: 'boolean', default: false },
    },
  });
  const [lines, pairs, megabytes] = [values.lines, values.pairs, values.megabytes].map(Number) as [
    number,
    number,
    number,
  ];
  const template = (['claude', 'vscode', 'both'] as const).find((name) => name === values.template);
  if (![lines, pairs, megabytes].every((count) => Number.isInteger(count) && count >= 1) || template === undefined)
    throw new Error(USAGE);
  return { lines, pairs, megabytes, template, entry: values.entry, strict: values.strict };
}
