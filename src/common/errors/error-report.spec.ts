import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { DatabaseError } from 'pg';
import { DomainError } from './domain-error.js';
import { reportOf, safeMessageOf } from './error-report.js';

const CANARY = 'canary-4711';

/** As Drizzle's own error. */
class DrizzleQueryError extends Error {
  constructor(
    readonly query: string,
    readonly params: unknown[],
    cause: Error,
  ) {
    super(`Failed query: ${query}\nparams: ${params}`, { cause });
    this.stack = `Error: ${this.message}\n    at PgSession.query (file:///app/node_modules/drizzle-orm/pg-core/session.js:1:1)`;
  }
}

/** What the work throws. */
function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

function databaseError(code: string, message: string): DatabaseError {
  return Object.assign(new DatabaseError(message, message.length, 'error'), { code, severity: 'ERROR' });
}

describe('reportOf', () => {
  it.each([
    [
      'a query with its parameters',
      new DrizzleQueryError('insert into containers (env) values ($1)', [CANARY], new Error('x')),
    ],
    ['a value that the database refuses', databaseError('22P02', `invalid input syntax for type json: "${CANARY}"`)],
    ['JSON', thrownBy(() => JSON.parse(`{"env": ${CANARY}}`))],
    ['an argument', thrownBy(() => readFileSync(`${CANARY}\0`))],
    ['a URL', thrownBy(() => new URL(CANARY))],
    [
      'a command of the queue',
      Object.assign(new Error(CANARY), { stack: `Error: ${CANARY}\n    at x (/node_modules/q/i.js:1:1)` }),
    ],
    ['a frame in the message', Object.assign(new Error(`${CANARY}\n    at fake (/src/a.js:1:1)`), { stack: 'Error' })],
    ['text that was thrown', CANARY],
  ])('leaves out %s', (_, error) => {
    const wrapped = new DomainError('internal_error', 'Something failed.', { cause: error });
    for (const each of [error, wrapped]) {
      expect(JSON.stringify(reportOf(each))).not.toContain(CANARY);
      expect(safeMessageOf(each)).not.toContain(CANARY);
    }
    expect(reportOf(wrapped)).toMatchObject({
      type: 'DomainError',
      code: 'internal_error',
      message: 'Something failed.',
    });
  });

  it('keeps what helps: types, codes, frames, and messages of DevForge, the system and the database server', () => {
    const query = new DrizzleQueryError('select', [CANARY], databaseError('53100', 'could not extend file'));
    expect(reportOf(query)).toMatchObject({
      type: 'DrizzleQueryError',
      stack: expect.stringContaining('drizzle-orm'),
      cause: { type: 'DatabaseError', code: '53100', message: 'could not extend file' },
    });
    expect(
      reportOf(Object.assign(databaseError('23505', `Key (${CANARY})`), { constraint: 'containers_name' })),
    ).toEqual(expect.objectContaining({ code: '23505', constraint: 'containers_name' }));
    expect(safeMessageOf(thrownBy(() => readFileSync('/no/such/file')))).toContain('ENOENT: no such file');
    expect(safeMessageOf(new TypeError('x is not a function'))).toBe('x is not a function');
    expect(safeMessageOf(thrownBy(() => (undefined as unknown as { x: number }).x))).toContain('undefined');
    expect(reportOf(new DOMException('The operation was aborted', 'AbortError'))).toMatchObject({
      message: 'The operation was aborted',
    });
  });

  it('ends in a chain of causes that has no end', () => {
    const error: Error & { cause?: unknown } = new Error('round');
    error.cause = error;
    expect(JSON.stringify(reportOf(error)).split('"type"')).toHaveLength(7);
  });
});
