import { parseArgs } from 'node:util';
import type { Template } from '../../../test/support/api/types.js';

export interface MetricsBenchOptions {
  containers: number;
  sockets: number;
  /** Subscriptions of each socket. */
  each: number;
  /** Length of each measured window, in seconds. */
  seconds: number;
  template: Template;
  /** The built server; without one `DEVFORGE_ENTRY`, else `dist/main.js`, brought up to date. */
  entry: string | undefined;
  /** A missed target is a failure. */
  strict: boolean;
}

export const USAGE =
  'npm run bench -- metrics [--containers 50] [--sockets 200] [--each 5] [--seconds 30] [--template claude|vscode|both] [--entry dist/main.js] [--strict]';

/** @throws Error with the usage for anything else */
export function readOptions(args: string[]): MetricsBenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      containers: { type: 'string', default: '50' },
      sockets: { type: 'string', default: '200' },
      each: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '30' },
      template: { type: 'string', default: 'claude' },
      entry: { type: 'string' },
      strict: { type: 'boolean', default: false },
    },
  });
  const [containers, sockets, each, seconds] = [values.containers, values.sockets, values.each, values.seconds].map(
    Number,
  ) as [number, number, number, number];
  const template = (['claude', 'vscode', 'both'] as const).find((name) => name === values.template);
  const areCounts = [containers, sockets, each, seconds].every((count) => Number.isInteger(count) && count >= 1);
  if (!areCounts || each > containers || containers > 100 || template === undefined) throw new Error(USAGE);
  return { containers, sockets, each, seconds, template, entry: values.entry, strict: values.strict };
}
