import { parseArgs } from 'node:util';
import type { Template } from '../../test/support/api/types.js';

export const BACKENDS = ['postgres', 'redis'] as const;
export type Backend = (typeof BACKENDS)[number];

export interface CreateBenchOptions {
  n: number;
  backends: readonly Backend[];
  template: Template;
  /** The built server; without one `DEVFORGE_ENTRY`, else `dist/main.js`, brought up to date. */
  entry: string | undefined;
  /** A missed target is a failure. */
  strict: boolean;
}

export const USAGE =
  'npm run bench -- create [--n 20] [--backend postgres|redis|both] [--template claude|vscode|both] [--entry dist/main.js] [--strict]';

/** @throws Error with the usage for anything else */
export function readOptions(args: string[]): CreateBenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      n: { type: 'string', default: '20' },
      backend: { type: 'string', default: 'both' },
      template: { type: 'string', default: 'claude' },
      entry: { type: 'string' },
      strict: { type: 'boolean', default: false },
    },
  });
  const n = Number(values.n);
  const backends = values.backend === 'both' ? BACKENDS : BACKENDS.filter((backend) => backend === values.backend);
  const template = (['claude', 'vscode', 'both'] as const).find((each) => each === values.template);
  if (!Number.isInteger(n) || n < 1 || backends.length === 0 || template === undefined) throw new Error(USAGE);
  return { n, backends, template, entry: values.entry, strict: values.strict };
}
