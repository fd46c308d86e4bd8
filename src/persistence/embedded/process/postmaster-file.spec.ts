import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { neutralizeStaleFile, findRunning, isServerOf, parsePostmasterFile, pidExists } from './postmaster-file.js';

const complete = [
  '4711',
  '/data/postgres',
  '1795343838',
  '23456',
  '/data/postgres-run',
  '',
  ' 10020403         8',
  'ready   ',
  '',
];

describe('parsePostmasterFile', () => {
  it('parses the file of a ready server', () => {
    expect(parsePostmasterFile(complete.join('\n'))).toEqual({
      pid: 4711,
      port: 23456,
      socketDir: '/data/postgres-run',
      status: 'ready',
    });
  });

  it.each([
    ['starting', 'starting'],
    ['stopping', 'stopping'],
    ['standby ', 'starting'],
  ])('parses the status %p as %p', (word, status) => {
    expect(parsePostmasterFile([...complete.slice(0, 7), word].join('\n'))?.status).toBe(status);
  });

  it('parses a file that is still being written as a starting server', () => {
    expect(parsePostmasterFile('4711\n/data/postgres\n')).toEqual({
      pid: 4711,
      port: undefined,
      socketDir: undefined,
      status: 'starting',
    });
  });

  it('parses the negative pid of a single-user backend', () => {
    expect(parsePostmasterFile('-4711\n/data/postgres')?.pid).toBe(4711);
  });

  it.each([[''], ['\n'], ['0'], ['not a number\n/data']])('finds no server in %p', (text) => {
    expect(parsePostmasterFile(text)).toBeUndefined();
  });
});

describe('a stale postmaster.pid', () => {
  let cluster: string;
  const write = (pid: number): Promise<void> =>
    writeFile(path.join(cluster, 'postmaster.pid'), [pid, ...complete.slice(1)].join('\n'));
  const read = (): Promise<string> => readFile(path.join(cluster, 'postmaster.pid'), 'utf8');

  beforeEach(async () => {
    cluster = await realpath(await mkdtemp(path.join(tmpdir(), 'devforge-pidfile-')));
  });

  afterEach(() => rm(cluster, { recursive: true, force: true }));

  it('is not taken for a running server when another process has its id', async () => {
    await write(process.ppid);
    expect(pidExists(process.ppid)).toBe(true);
    await expect(isServerOf(process.ppid, cluster)).resolves.toBe(false);
    await expect(findRunning(cluster)).resolves.toBeUndefined();
  });

  it('gets the id of this process when another process has its id, and keeps the shared memory key', async () => {
    await write(process.ppid);
    await neutralizeStaleFile(cluster);
    expect((await read()).split('\n')).toEqual([String(process.pid), ...complete.slice(1)]);
  });

  it('stays unchanged when no process has its id', async () => {
    const dead = 2 ** 22 + 1;
    await write(dead);
    await neutralizeStaleFile(cluster);
    expect((await read()).split('\n')[0]).toBe(String(dead));
  });

  it('may be absent', async () => {
    await expect(findRunning(cluster)).resolves.toBeUndefined();
    await expect(neutralizeStaleFile(cluster)).resolves.toBeUndefined();
  });
});
