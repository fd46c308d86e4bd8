import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { databaseErrorToDomainError, isDatabaseUnavailable } from './database-error.js';

const failure = (code: string, syscall?: string): Error => Object.assign(new Error('x'), { code, syscall });

describe('isDatabaseAway', () => {
  it.each(['08006', '57P01', '53300', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'])(
    'recognises %s, however often the error is wrapped',
    (code) => {
      expect(isDatabaseUnavailable(failure(code))).toBe(true);
      expect(
        isDatabaseUnavailable(new Error('Failed query', { cause: new Error('once more', { cause: failure(code) }) })),
      ).toBe(true);
    },
  );

  it('recognises errors of the pool by their message', () => {
    expect(
      isDatabaseUnavailable(new Error('Failed query', { cause: new Error('Connection terminated unexpectedly') })),
    ).toBe(true);
  });

  it('distinguishes a missing socket from a missing file', async () => {
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
    'does not take %s for an unavailable server',
    (error) => {
      expect(isDatabaseUnavailable(error)).toBe(false);
    },
  );
});

describe('databaseErrorToDomainError', () => {
  it.each([
    ['53100', 'out_of_disk'],
    ['57P01', 'database_unavailable'],
    ['22021', 'validation_failed'],
    ['22P05', 'validation_failed'],
    ['42P01', undefined],
  ])('translates %s to %s, without the text of the error', (code, expected) => {
    const error = databaseErrorToDomainError(new Error('Failed query', { cause: failure(code) }));
    expect(error?.code).toBe(expected);
    expect(error?.message).not.toBe('x');
  });
});
