import { describe, expect, it } from '@jest/globals';
import { parseIdempotencyKey, preferredWaitSeconds } from './request-preferences.js';

describe('preferredWaitSeconds', () => {
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
  ])('reads %s as %i seconds', (header, seconds) => {
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
  ])('finds no wait in %s', (header) => {
    expect(preferredWaitSeconds(header)).toBeUndefined();
  });
});

describe('parseIdempotencyKey', () => {
  it.each(['a', '8e03978e-40d5-43e8-bc93-6894a57f9324', '"quoted"', '~!@#', 'x'.repeat(255)])(
    'accepts the key %s',
    (header) => {
      expect(parseIdempotencyKey(header)).toBe(header);
    },
  );

  it('returns undefined without the header', () => {
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
  });

  it.each(['', ' ', 'a b', 'a\tb', 'ü', 'a\n', '\u007f', 'x'.repeat(256)])('refuses the key %j', (header) => {
    expect(() => parseIdempotencyKey(header)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        fields: [{ field: 'Idempotency-Key', messages: [expect.any(String)] }],
      }),
    );
  });
});
