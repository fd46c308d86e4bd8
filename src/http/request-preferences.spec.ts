import { describe, expect, it } from '@jest/globals';
import { parseIdempotencyKey, preferredWaitSeconds } from './request-preferences.js';

describe('Prefer', () => {
  it.each([
    ['wait=60', 60],
    ['wait=0', 0],
    ['WAIT=5', 5],
    ['respond-async, wait=10', 10],
    ['respond-async; wait=10', 10],
    ['wait=10, respond-async', 10],
    ['wait=10;x=y', 10],
    ['wait=99999', 600],
    ['wait=99999999999999999999999', 600],
  ])('%s waits %i seconds', (header, seconds) => {
    expect(preferredWaitSeconds(header)).toBe(seconds);
  });

  it.each([
    undefined,
    '',
    'respond-async',
    'wait',
    'wait=',
    'wait=x',
    'wait=-1',
    'wait=1.5',
    'wait=10s',
    'await=10',
    'x-wait=10',
  ])('%s waits for nothing', (header) => {
    expect(preferredWaitSeconds(header)).toBeUndefined();
  });
});

describe('Idempotency-Key', () => {
  it.each(['a', '8e03978e-40d5-43e8-bc93-6894a57f9324', '"quoted"', '~!@#', 'x'.repeat(255)])(
    '%s is a key',
    (header) => {
      expect(parseIdempotencyKey(header)).toBe(header);
    },
  );

  it('may be absent', () => {
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
  });

  it.each(['', ' ', 'a b', 'a\tb', 'ü', 'a\n', '\u007f', 'x'.repeat(256)])('%j is none', (header) => {
    expect(() => parseIdempotencyKey(header)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        fields: [{ field: 'Idempotency-Key', messages: [expect.any(String)] }],
      }),
    );
  });
});
