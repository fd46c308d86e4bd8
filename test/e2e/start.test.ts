/** How the server starts and ends as an operator meets it. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startDevForge } from '../support/api/devforge-process.js';
import { freePort } from '../support/api/free-port.js';
import { listening } from '../support/api/listening.js';
import { OwnedProcess } from '../support/api/owned-process.js';
import { endLeftoverPostgres } from '../support/api/postgres-leftover.js';
import { inheritedEnvironment } from '../support/api/server-environment.js';
import { until } from '../support/e2e/until.js';

const READY_MS = 120_000;
const END_MS = 30_000;

const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** The process id of the embedded PostgreSQL, NaN when none has written one. */
async function postmasterOf(dataDir: string): Promise<number> {
  const files = await readdir(dataDir, { recursive: true });
  const file = files.find((name) => name.endsWith('postmaster.pid'));
  return file === undefined ? NaN : Number.parseInt(await readFile(join(dataDir, file), 'utf8'), 10);
}

/** What was started with this `DATA_DIR`, by whatever is gone by now. */
async function processesOf(dataDir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.split('\0').includes(`DATA_DIR=${dataDir}`);
    }),
  );
  return pids.filter((_, index) => found[index]).map(Number);
}

describe('npm start', () => {
  let folder: string;
  let npm: OwnedProcess;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'devforge-npm-')));
    // As root, PostgreSQL runs as a user of its own, who has to pass through here.
    await chmod(folder, 0o711);
  });
  afterEach(async () => {
    await npm?.end('SIGTERM', END_MS);
    for (const pid of await processesOf(join(folder, 'data'))) process.kill(pid, 'SIGKILL');
    await endLeftoverPostgres(join(folder, 'data'));
    await rm(folder, { recursive: true, force: true });
  });

  it('ends the server and its PostgreSQL when it gets SIGTERM', async () => {
    const dataDir = join(folder, 'data');
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/health/ready`;
    npm = OwnedProcess.start('npm', ['start'], {
      cwd: resolve('.'),
      env: { ...inheritedEnvironment(), NODE_ENV: 'test', HOST: '127.0.0.1', PORT: String(port), DATA_DIR: dataDir },
    });
    const isReady = (): Promise<boolean> =>
      fetch(url).then(
        ({ status }) => status === 200,
        () => false,
      );
    await npm.ready('npm start', isReady, READY_MS);
    const postmaster = await postmasterOf(dataDir);
    expect(isRunning(postmaster)).toBe(true);

    npm.signal('SIGTERM');
    await npm.exited;
    await until('the server has ended', async () => !(await isReady()), END_MS);
    await until('PostgreSQL has ended', () => !isRunning(postmaster), END_MS);
  }, 240_000);
});

describe('a server whose port is in use', () => {
  it('names the port and the setting, and leaves no PostgreSQL behind', async () => {
    const other = createServer();
    const port = await listening(other);
    const dataDir = join(await realpath(await mkdtemp(join(tmpdir(), 'devforge-port-'))), 'data');
    try {
      await chmod(join(dataDir, '..'), 0o711);
      await expect(startDevForge({ DATA_DIR: dataDir }, { port })).rejects.toThrow(
        `DevForge cannot start.\nPort ${port} of 127.0.0.1 is in use. End what listens there, or set PORT to another port.`,
      );
      expect(await postmasterOf(dataDir)).toBeNaN();
    } finally {
      other.close();
      await endLeftoverPostgres(dataDir);
      await rm(join(dataDir, '..'), { recursive: true, force: true });
    }
  }, 180_000);
});
