import { describe, expect, it } from '@jest/globals';
import { limitsToRaise } from './kernel-limits.mjs';

const DEFAULTS: Record<string, number> = {
  'fs.inotify.max_user_instances': 128,
  'fs.inotify.max_user_watches': 192_908,
  'fs.epoll.max_user_watches': 5_502_130,
  'fs.pipe-user-pages-soft': 16_384,
  'fs.aio-max-nr': 65_536,
};
const names = (limits: Record<string, number | undefined>): string[] =>
  limitsToRaise((name: string) => limits[name]).map(({ name }: { name: string }) => name);

describe('limitsToRaise', () => {
  it('raises what workspaces share under the defaults of the kernel', () => {
    expect(names(DEFAULTS)).toEqual(Object.keys(DEFAULTS));
  });

  it('never lowers a limit, nor introduces one', () => {
    const most = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, Number.MAX_SAFE_INTEGER]));
    expect(names({ ...most, 'fs.pipe-user-pages-soft': 0 })).toEqual([]);
    expect(names({ ...most, 'fs.pipe-user-pages-soft': 1_000_000 })).toEqual(['fs.pipe-user-pages-soft']);
  });

  it('leaves out what the kernel does not have', () => {
    expect(names({ 'fs.aio-max-nr': 65_536 })).toEqual(['fs.aio-max-nr']);
  });
});
