import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { decodeCursor, encodeCursor } from './cursor.js';

const id = '123e4567-e89b-42d3-a456-426614174000';
const cursor = (text: string): string => Buffer.from(text).toString('base64url');

describe('cursors of pages', () => {
  it('decode to the position that was encoded, to the millisecond', () => {
    const position = { createdAt: new Date('2026-01-02T03:04:05.678Z'), id: randomUUID() };
    expect(decodeCursor(encodeCursor(position))).toEqual(position);
  });

  it('need no escaping in a URL', () => {
    expect(encodeCursor({ createdAt: new Date(), id })).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it.each([
    '',
    'x',
    '%%%',
    cursor(''),
    cursor('.'),
    cursor(`.${id}`),
    cursor('1'),
    cursor('1.'),
    cursor('1.x'),
    cursor(`x.${id}`),
    cursor(`-1.${id}`),
    cursor(`1e3.${id}`),
    cursor(`1.5.${id}`),
    cursor(` 1.${id}`),
    cursor(`1.${id.toUpperCase()}`),
    cursor(`1.${id}'`),
    cursor(`99999999999999999.${id}`),
    cursor(`8640000000000000.${id}`),
  ])('are refused unless DevForge encoded them: %j', (text) => {
    expect(() => decodeCursor(text)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        fields: [{ field: 'cursor', messages: [expect.any(String)] }],
      }),
    );
  });
});
