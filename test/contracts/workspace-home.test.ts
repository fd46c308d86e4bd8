/** `devforge-home` of the workspace images, which brings the files of an image in an older home directory up to date. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const PROGRAM = resolve('images/workspace/rootfs/usr/local/bin/devforge-home');
const run = promisify(execFile);

describe('devforge-home', () => {
  let folder: string;
  let home: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devforge-home-'));
    home = join(folder, 'home');
    await mkdir(home);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const write = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  const inHome = (path: string): Promise<string | null> => readFile(join(home, path), 'utf8').catch(() => null);
  /** Starts a workspace from an image that has these files in its home directory. */
  const start = async (files: Record<string, string>): Promise<void> => {
    const image = join(folder, 'image');
    await rm(image, { recursive: true, force: true });
    const sums: string[] = [];
    for (const [path, content] of Object.entries(files)) {
      await write(join(image, path), content);
      sums.push(`${createHash('sha256').update(content).digest('hex')}  ./${path}\n`);
    }
    await writeFile(`${image}.sha256`, sums.join(''));
    await run('sh', [PROGRAM], { env: { PATH: process.env['PATH'], HOME: home, DEVFORGE_HOME_IMAGE: image } });
  };

  it('puts everything into an empty home, and does nothing for the same image', async () => {
    await start({ '.bashrc': 'one', 'a b/c': 'deep' });
    expect(await Promise.all(['.bashrc', 'a b/c'].map(inHome))).toEqual(['one', 'deep']);
    await rm(join(home, '.bashrc'));
    await start({ '.bashrc': 'one', 'a b/c': 'deep' });
    expect(await inHome('.bashrc')).toBeNull();
  });

  it('updates, adds and removes files that nobody changed', async () => {
    await start({ '.bashrc': 'one', old: 'one', same: 'one' });
    await start({ '.bashrc': 'two', 'deep/new': 'two', same: 'one' });
    expect(await Promise.all(['.bashrc', 'old', 'deep/new', 'same'].map(inHome))).toEqual(['two', null, 'two', 'one']);
  });

  it('leaves alone what its user has changed, removed, linked or made, now and later', async () => {
    await start({ changed: 'one', removed: 'one', linked: 'one', dropped: 'one' });
    await write(join(home, 'changed'), 'mine');
    await write(join(home, 'dropped'), 'mine');
    await write(join(home, 'made'), 'mine');
    await rm(join(home, 'removed'));
    await rm(join(home, 'linked'));
    await write(join(folder, 'outside'), 'one');
    await symlink(join(folder, 'outside'), join(home, 'linked'));
    for (const version of ['two', 'three']) {
      await start({ changed: version, removed: version, linked: version, made: version });
      expect(await Promise.all(['changed', 'removed', 'dropped', 'made'].map(inHome))).toEqual([
        'mine',
        null,
        'mine',
        'mine',
      ]);
      expect((await lstat(join(home, 'linked'))).isSymbolicLink()).toBe(true);
      expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('one');
    }
  });
});
