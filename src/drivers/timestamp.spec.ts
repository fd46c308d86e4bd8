import { describe, expect, it } from '@jest/globals';
import { toTimestamp } from './timestamp.js';

describe('toTimestamp', () => {
  it.each([
    ['2030-01-01T00:00:00Z', '2030-01-01T00:00:00.000000000Z'],
    ['2030-01-01T00:00:00.5Z', '2030-01-01T00:00:00.500000000Z'],
    ['2030-01-01T02:00:00.123456789+02:00', '2030-01-01T00:00:00.123456789Z'],
    ['2030-01-01T00:00:00.1234567891Z', '2030-01-01T00:00:00.123456789Z'],
    ['1969-12-31T23:59:59.25Z', '1969-12-31T23:59:59.250000000Z'],
  ])('keeps every nanosecond of %s', (given, expected) => expect(toTimestamp(given)).toBe(expected));

  it.each([
    'yesterday',
    '',
    '2030-13-01T00:00:00Z',
    '2016-12-31T23:59:60Z',
    '9999-12-31T23:59:59-01:00',
    '0000-01-01T00:00:00+01:00',
  ])('rejects "%s"', (given) => {
    expect(() => toTimestamp(given)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});
