import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { decodeSecretKey, SECRET_KEYS } from './secret-key-text.js';

describe('decodeSecretKey', () => {
  it.each(['base64', 'base64url', 'hex'] as const)('reads 32 bytes in %s', (encoding) => {
    for (let count = 0; count < 100; count += 1) {
      const key = randomBytes(32);
      expect(decodeSecretKey(key.toString(encoding))).toEqual(key);
      expect(`${key.toString(encoding)} , ${key.toString('hex')}`).toMatch(SECRET_KEYS);
    }
  });

  it.each(['', 'short', randomBytes(31).toString('base64'), randomBytes(33).toString('hex'), 'x'.repeat(64)])(
    'refuses %j',
    (text) => {
      expect(() => decodeSecretKey(text)).toThrow('is not a key of 32 bytes');
      expect(text).not.toMatch(SECRET_KEYS);
    },
  );
});
