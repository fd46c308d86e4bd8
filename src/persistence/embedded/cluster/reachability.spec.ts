import { describe, expect, it } from '@jest/globals';
import { ancestry, EXECUTE, permits, READ } from './reachability.js';

const server = { uid: 101, gid: 104 };

describe('permits', () => {
  it.each([
    ['an open directory of root', { mode: 0o755, uid: 0, gid: 0 }, EXECUTE, true],
    ['a private directory of root', { mode: 0o700, uid: 0, gid: 0 }, EXECUTE, false],
    ['a directory that may be traversed but not listed', { mode: 0o711, uid: 0, gid: 0 }, EXECUTE, true],
    ['a directory that may be listed but not traversed', { mode: 0o744, uid: 0, gid: 0 }, EXECUTE, false],
    ['its own directory', { mode: 0o700, uid: 101, gid: 104 }, EXECUTE, true],
    ['a directory of its group', { mode: 0o750, uid: 0, gid: 104 }, EXECUTE, true],
    ['its own directory that excludes only itself', { mode: 0o077, uid: 101, gid: 104 }, EXECUTE, false],
    ['a program', { mode: 0o100755, uid: 0, gid: 0 }, EXECUTE | READ, true],
    ['a program that may be executed but not read', { mode: 0o100711, uid: 0, gid: 0 }, EXECUTE | READ, false],
  ])('evaluates %s', (_what, entry, wanted, expected) => {
    expect(permits(entry, server, wanted)).toBe(expected);
  });

  it('permits everything to root', () => {
    expect(permits({ mode: 0, uid: 5, gid: 5 }, { uid: 0, gid: 0 }, EXECUTE)).toBe(true);
  });
});

describe('ancestry', () => {
  it('lists the directories from the root to the path itself', () => {
    expect(ancestry('/root/app/data')).toEqual(['/', '/root', '/root/app', '/root/app/data']);
  });
});
