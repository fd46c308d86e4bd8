import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { isDatabaseUnavailable } from './database-error.js';

const failure = (code: string, syscall?: string): Error => Object.assign(new Error('x'), { code, syscall });

describe('isDatabaseAway', () => {
  it.each(['08006', '57P01', '53300', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'])(
    'is for %s, however often it is wrapped',
    (code) => {
      expect(isDatabaseUnavailable(failure(code))).toBe(true);
      expect(
        isDatabaseUnavailable(new Error('Failed query', { cause: new Error('once more', { cause: failure(code) }) })),
      ).toBe(true);
    },
  );

  it('is for what the pool says', () => {
    expect(
      isDatabaseUnavailable(new Error('Failed query', { cause: new Error('Connection terminated unexpectedly') })),
    ).toBe(true);
  });

  it('is for a socket that is not there, and not for a file', async () => {
    const missingSocket = await new Promise<Error>((resolve) => connect('/nowhere/.s.PGSQL.5432').on('error', resolve));
    const missingFile = await readFile('/nowhere/at-all').then(
      () => undefined,
      (error: Error) => error,
    );
    expect([missingSocket, missingFile]).toEqual([
      expect.objectContaining({ code: 'ENOENT' }),
      expect.objectContaining({ code: 'ENOENT' }),
    ]);
    expect([isDatabaseUnavailable(missingSocket), isDatabaseUnavailable(missingFile)]).toEqual([true, false]);
  });

  it.each([[failure('23505')], [failure('42P01')], [new Error('x')], ['x'], [undefined], [null]])(
    'is not for %s',
    (error) => {
      expect(isDatabaseUnavailable(error)).toBe(false);
    },
  );
});
