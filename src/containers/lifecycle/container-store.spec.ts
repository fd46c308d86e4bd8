import { describe, expect, it } from '@jest/globals';
import { notHeldToDomainError, NotHeldError } from './container-store.js';

describe('notHeldToDomainError', () => {
  it.each([
    ['gone', null, { code: 'container_not_found' }],
    ['being deleted', 'deleting', { code: 'invalid_state', extensions: { currentStatus: 'deleting' } }],
    ['in other hands', 'running', { code: 'busy', retryAfterSeconds: 1 }],
  ] as const)('tells a client whose container is %s', (_, status, expected) => {
    expect(notHeldToDomainError(new NotHeldError('c', status))).toMatchObject(expected);
  });

  it('leaves other errors alone', () => {
    expect(notHeldToDomainError(new Error('x'))).toBeUndefined();
  });
});
