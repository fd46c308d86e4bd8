import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chown, mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fitsSocket, prepareSocketDir, shortHash, socketDirCandidates } from './socket-dir.js';

describe('socketDirCandidates', () => {
  it('prefers the directory beside the data', () => {
    expect(socketDirCandidates('/srv/app/.devforge', '/srv/app/.devforge', '/var/tmp')).toEqual([
      '/srv/app/.devforge/postgres-run',
      `/var/tmp/devforge-pg-${shortHash('/srv/app/.devforge')}`,
      `/tmp/devforge-pg-${shortHash('/srv/app/.devforge')}`,
    ]);
  });

  it('chooses a temporary directory when the path is too long for a socket', () => {
    const long = `/${'x'.repeat(100)}`;
    expect(socketDirCandidates(long, long, '/tmp')).toEqual([`/tmp/devforge-pg-${shortHash(long)}`]);
  });

  it('gives different data directories different names', () => {
    expect(shortHash('/a')).not.toBe(shortHash('/b'));
  });

  it('counts the bytes of a path, not the characters', () => {
    expect(fitsSocket(`/${'x'.repeat(80)}`)).toBe(true);
    expect(fitsSocket(`/${'ü'.repeat(80)}`)).toBe(false);
  });
});

describe('prepareSocketDir', () => {
  const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  let base: string;

  beforeEach(async () => {
    base = await realpath(await mkdtemp(path.join(tmpdir(), 'devforge-socket-')));
  });

  afterEach(() => rm(base, { recursive: true, force: true }));

  it('creates a directory that only its owner can enter', async () => {
    const directory = await prepareSocketDir([path.join(base, 'run')], me);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('makes an existing directory private, and removes the sockets of dead servers', async () => {
    const directory = path.join(base, 'run');
    await mkdir(directory, { mode: 0o777 });
    await writeFile(path.join(directory, '.s.PGSQL.12345.lock'), '');
    await prepareSocketDir([directory], me);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    await expect(readdir(directory)).resolves.toEqual([]);
  });

  it('refuses a symbolic link', async () => {
    await symlink(tmpdir(), path.join(base, 'run'));
    await expect(prepareSocketDir([path.join(base, 'run')], me)).rejects.toMatchObject({ code: 'SOCKET_DIR_UNSAFE' });
  });

  it('refuses a directory of another user', async () => {
    // Only root can change the owner of a directory; for other users /usr belongs to another user already
    const foreign = me.uid === 0 ? path.join(base, 'run') : '/usr';
    if (me.uid === 0) {
      await mkdir(foreign);
      await chown(foreign, 4242, 4242);
    }
    await expect(prepareSocketDir([foreign], me)).rejects.toMatchObject({ code: 'SOCKET_DIR_UNSAFE' });
  });

  it('fails when no candidate is usable', async () => {
    await expect(prepareSocketDir([path.join(base, 'absent', 'run')], me)).rejects.toMatchObject({
      code: 'SOCKET_DIR_UNSAFE',
    });
  });
});
