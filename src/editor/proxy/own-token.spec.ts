import { describe, expect, it } from '@jest/globals';
import { containsToken } from './own-token.js';

const TOKEN = 'kXb3-9_secret+of/the=server';
const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`;

describe('containsToken', () => {
  const contains = (header: string, token = 'administrator-token'): boolean =>
    containsToken(header, (text) => text === token);

  it.each([
    'Bearer administrator-token',
    'bearer   administrator-token ',
    'token administrator-token',
    'Token token="administrator-token", nonce="x"',
    'administrator-token',
    'Bearer administrator-token, Bearer other',
    basic('administrator-token'),
    basic('administrator-token:'),
    basic('git:administrator-token'),
  ])('finds the token in %j', (header) => {
    expect(contains(header)).toBe(true);
  });

  it('finds a token with characters that separate words', () => {
    expect(contains(basic(`git:${TOKEN}`), TOKEN)).toBe(true);
  });

  it.each([
    'Bearer of-the-app',
    'Bearer administrator-token2',
    'Digest username="x", response="y"',
    basic('me:pass'),
    '',
  ])('leaves %j to the program', (header) => {
    expect(contains(header)).toBe(false);
  });
});
