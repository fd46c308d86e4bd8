import { describe, expect, it } from '@jest/globals';
import { GIT_EMAIL, GIT_NAME } from './git-identity.js';

describe('GIT_NAME', () => {
  it.each(['Ada', 'Ada Lovelace', 'Ján Ámos', '山田 太郎', 'J. "Jack" O\'Neil', 'a\\b', 'x'.repeat(255)])(
    'takes %j',
    (name) => {
      expect(GIT_NAME.test(name)).toBe(true);
    },
  );

  it.each(['', ' ', '.,:;"\'\\', 'a<b>', 'a\nb', 'a\0', 'a\u0085', 'a\u2028', '\ud800', 'x'.repeat(256)])(
    'refuses %j',
    (name) => {
      expect(GIT_NAME.test(name)).toBe(false);
    },
  );
});

describe('GIT_EMAIL', () => {
  it.each(['ada@example.org', 'devforge@localhost', '1+bot[bot]@users.noreply.example', 'ä@example.org'])(
    'takes %j',
    (email) => {
      expect(GIT_EMAIL.test(email)).toBe(true);
    },
  );

  it.each([
    '',
    'ada',
    '@example.org',
    'ada@',
    'a b@c',
    'a@b c',
    '<a@b>',
    'a@b@c',
    'a@b\n',
    'a\0@b',
    '\ud800@b',
    `${'x'.repeat(254)}@b`,
  ])('refuses %j', (email) => {
    expect(GIT_EMAIL.test(email)).toBe(false);
  });
});
