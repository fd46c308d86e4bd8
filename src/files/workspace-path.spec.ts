import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../common/errors/domain-error.js';
import { toWorkspacePath } from './workspace-path.js';

describe('toWorkspacePath', () => {
  it.each([
    ['', ''],
    ['.', ''],
    ['/workspace', ''],
    ['/workspace/', ''],
    ['/workspace/.', ''],
    ['a', 'a'],
    ['./a//b/./c', 'a/b/c'],
    ['/workspace/a/b', 'a/b'],
    ['//workspace//a', 'a'],
    ['workspace/a', 'workspace/a'],
    ['a/', 'a/'],
    ['a/.', 'a/'],
    ['-rf', '-rf'],
    ['...', '...'],
    ['..a/b..', '..a/b..'],
    ['a\nb', 'a\nb'],
    ['%2e%2e/x', '%2e%2e/x'],
    ['ü'.repeat(127), 'ü'.repeat(127)],
  ])('normalises %j to %j', (path, expected) => {
    expect(toWorkspacePath(path)).toBe(expected);
  });

  it.each([
    '..',
    '../a',
    'a/..',
    'a/../b',
    'a/b/..',
    '/',
    '//',
    '/etc',
    '/workspaces/a',
    '/workspace/..',
    '/..',
    '/workspace/../workspace/a',
    './/../a',
  ])('refuses %j, which is outside of the workspace', (path) => {
    expect(() => toWorkspacePath(path)).toThrow(
      expect.objectContaining({ code: 'path_outside_workspace' }) as unknown as DomainError,
    );
  });

  it('refuses names that are longer than Linux allows', () => {
    for (const path of ['x'.repeat(256), `a/${'ü'.repeat(128)}/b`])
      expect(() => toWorkspacePath(path)).toThrow(
        expect.objectContaining({ code: 'validation_failed' }) as unknown as DomainError,
      );
  });
});
