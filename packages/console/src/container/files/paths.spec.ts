import { describe, expect, it } from '@jest/globals';
import { type FileEntry, filesUrl, join, nameOf, parentOf, sorted, trailOf } from './paths.ts';

describe('paths in the workspace', () => {
  it('lead down and up again', () => {
    expect([join('', 'a'), join('a/b', 'c')]).toEqual(['a', 'a/b/c']);
    expect(['a', 'a/b/c', ''].map((path) => [parentOf(path), nameOf(path)])).toEqual([
      ['', 'a'],
      ['a/b', 'c'],
      ['', ''],
    ]);
    expect(trailOf('a/b')).toEqual([
      { name: 'a', path: 'a' },
      { name: 'b', path: 'a/b' },
    ]);
    expect(trailOf('')).toEqual([]);
  });

  it('are escaped in addresses', () => {
    expect(filesUrl('c1', 'a b/ü&x#.txt')).toBe('/api/containers/c1/files?path=a%20b%2F%C3%BC%26x%23.txt');
  });

  it('are listed with directories first, and numbers in their order', () => {
    const entry = (name: string, type: FileEntry['type'] = 'file') => ({ name, type }) as FileEntry;
    const names = sorted([entry('b10'), entry('b9'), entry('z', 'directory'), entry('a', 'symlink')]);
    expect(names.map(({ name }) => name)).toEqual(['z', 'a', 'b9', 'b10']);
  });
});
