import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { ERROR_CODES } from './error-codes.js';

const PAGE = new URL('../../../docs/errors.md', import.meta.url);
const ROW = /^\| <a id="(?<anchor>\w+)"><\/a>`(?<code>\w+)` +\| (?<status>\d{3}) +\| (?<retry>yes|no) +\| \S/;

const documented = readFileSync(PAGE, 'utf8')
  .split('\n')
  .map((line) => ROW.exec(line)?.groups)
  .filter((row) => row !== undefined);

describe('docs/errors.md', () => {
  it('lists every code once, with its status and whether to retry', () => {
    const rows = documented.map(
      ({ code, status, retry }) => [code, { status: Number(status), retryable: retry === 'yes' }] as const,
    );
    const codes = Object.entries(ERROR_CODES).map(
      ([code, { status, retryable }]) => [code, { status, retryable }] as const,
    );
    const byCode = ([a = '']: readonly [string?, unknown?], [b = '']: readonly [string?, unknown?]): number =>
      a < b ? -1 : 1;
    expect(rows.toSorted(byCode)).toEqual(codes.toSorted(byCode));
  });

  it('gives each code an anchor of its name', () => {
    expect(documented.filter(({ anchor, code }) => anchor !== code)).toEqual([]);
  });
});
