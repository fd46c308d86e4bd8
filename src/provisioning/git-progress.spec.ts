import { describe, expect, it } from '@jest/globals';
import { GitProgress } from './git-progress.js';

const after = (...chunks: string[]): number => {
  const progress = new GitProgress();
  for (const chunk of chunks) progress.read(Buffer.from(chunk));
  return progress.percent;
};

describe('GitProgress', () => {
  it('stays at 0 until git reports progress', () => {
    expect(after()).toBe(0);
    expect(after("Cloning into '/workspace'...\n", 'remote: Enumerating objects: 5, done.\n')).toBe(0);
  });

  it.each([
    ['remote: Counting objects: 100% (5/5), done.\n', 3],
    ['remote: Compressing objects:  50% (1/2)\r', 6],
    ['Receiving objects:   0% (1/1000)\r', 10],
    ['Receiving objects:  50% (500/1000), 1.20 MiB | 2.00 MiB/s\r', 45],
    ['Receiving objects: 100% (1000/1000), 9.00 MiB | 2.00 MiB/s, done.\n', 80],
    ['Resolving deltas:  40% (4/10)\r', 86],
    ['Resolving deltas: 100% (10/10), done.\n', 95],
    ['Updating files: 100% (77/77), done.\n', 100],
  ])('reads %j as %i percent', (line, percent) => {
    expect(after(line)).toBe(percent);
  });

  it('never decreases', () => {
    expect(after('Receiving objects: 100% (9/9)\r', 'remote: Counting objects:   1% (1/99)\r')).toBe(80);
  });

  it('reads a line that arrives in pieces once it is complete', () => {
    const progress = new GitProgress();
    expect(progress.read(Buffer.from('Receiving obj'))).toEqual([]);
    expect(progress.read(Buffer.from('ects:  50% (1/2)'))).toEqual([]);
    expect(progress.percent).toBe(0);
    expect(progress.read(Buffer.from('\rRes'))).toEqual(['Receiving objects:  50% (1/2)']);
    expect(progress.percent).toBe(45);
  });

  it('returns the complete, non-empty lines', () => {
    expect(new GitProgress().read(Buffer.from('one\r\n\n  two  \rthree'))).toEqual(['one', 'two']);
  });
});
