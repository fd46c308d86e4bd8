import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { isBranchName } from './git-branch.js';

const NAMES = [
  'main',
  'feature/x',
  'feature/a/b/c',
  'release-1.2.3',
  'v1.0',
  'fix_underscore',
  'UPPER',
  '123',
  'a',
  'ü',
  '日本語',
  'emoji-🎉',
  'a=b',
  'a,b',
  'a;b',
  "a'b",
  'a"b',
  'a`id`',
  '$(id)',
  'a&b',
  'a|b',
  'a<b>',
  'a!b',
  'a#b',
  'a%b',
  'a+b',
  'a(b)',
  'a]b',
  'a{b}',
  'a@b',
  'a@',
  '@a',
  '@/a',
  'a/@',
  'a./b',
  'a/-b',
  'a.LOCK',
  'lock',
  'a.lockb',
  'refs/heads/x',
  'HEADS',
  'head',
  '',
  ' ',
  'a b',
  '-',
  '-x',
  '--upload-pack=id',
  '-uid',
  'HEAD',
  '@{-1}',
  'a@{b',
  'a@{',
  '.',
  '..',
  '.a',
  'a.',
  'a..b',
  '/a',
  'a/',
  'a//b',
  'a/.b',
  'a.lock',
  'a.lock/b',
  '.lock',
  'a~b',
  'a~1',
  'a^b',
  'a^',
  'a:b',
  'a?b',
  'a*b',
  'a[b',
  'a\\b',
  'a\tb',
  'a\nb',
  'a\rb',
  'a\u0001b',
  'a\u001bb',
  'a\u007fb',
  '\n',
];

function gitAccepts(name: string): boolean {
  const { status } = spawnSync('git', ['check-ref-format', '--branch', name], { cwd: '/', stdio: 'ignore' });
  return status === 0;
}

describe('isBranchName', () => {
  it.each(NAMES.map((name) => [JSON.stringify(name), name]))('agrees with git about %s', (_shown, name) => {
    expect(isBranchName(name)).toBe(gitAccepts(name));
  });

  it('refuses names that cannot be passed to git, or that git resolves to another branch', () => {
    expect(['a\0b', '\0', '@'].map(isBranchName)).toEqual([false, false, false]);
  });

  it('refuses a name longer than file systems allow', () => {
    expect(isBranchName('a'.repeat(255))).toBe(true);
    expect(isBranchName('a'.repeat(256))).toBe(false);
  });
});
