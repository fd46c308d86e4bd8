import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { abandonedDirectories, existingLocation, newLocation } from './cluster-location.js';

const server = { uid: 4242, gid: 4242 };
/** Only root runs the server as another user. */
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

let base: string;
let dataDir: string;
let stateDir: string;

beforeEach(async () => {
  base = await realpath(await mkdtemp(path.join(tmpdir(), 'devforge-place-')));
  await chmod(base, 0o755);
  dataDir = path.join(base, 'data');
  stateDir = path.join(base, 'state');
  await mkdir(dataDir);
});

afterEach(() => rm(base, { recursive: true, force: true }));

/** Relocates as `createCluster` does, without a database. */
async function makeRelocated(): Promise<string> {
  await chmod(dataDir, 0o700);
  const location = await newLocation(dataDir, server, stateDir);
  await mkdir(location.cluster);
  await symlink(location.cluster, path.join(dataDir, 'postgres'));
  return location.cluster;
}

describe('a cluster in the data directory', () => {
  it('is found in the directory `postgres`', async () => {
    await mkdir(path.join(dataDir, 'postgres', 'base'), { recursive: true });
    await expect(existingLocation(dataDir, stateDir)).resolves.toEqual({
      cluster: path.join(dataDir, 'postgres'),
      base: dataDir,
    });
  });

  it('does not exist while its directory is empty', async () => {
    await mkdir(path.join(dataDir, 'postgres'));
    await expect(existingLocation(dataDir, stateDir)).resolves.toBeUndefined();
  });

  it('is invalid when it is a file', async () => {
    await writeFile(path.join(dataDir, 'postgres'), '');
    await expect(existingLocation(dataDir, stateDir)).rejects.toMatchObject({ code: 'CLUSTER_INVALID' });
  });

  it('is the location of a new cluster when its user can access it', async () => {
    await expect(newLocation(dataDir, server, stateDir)).resolves.toEqual({
      cluster: path.join(dataDir, 'postgres'),
      base: dataDir,
    });
  });

  it('may be a link that the operator created', async () => {
    const elsewhere = path.join(base, 'big-disk');
    await mkdir(elsewhere);
    await symlink(elsewhere, path.join(dataDir, 'postgres'));
    await expect(existingLocation(dataDir, stateDir)).resolves.toMatchObject({ cluster: elsewhere, base: dataDir });
  });
});

asRoot('a relocated cluster', () => {
  it('is created when its user cannot access the data directory', async () => {
    const cluster = await makeRelocated();
    expect(path.dirname(path.dirname(cluster))).toBe(stateDir);
    await expect(readFile(path.join(path.dirname(cluster), 'data-dir'), 'utf8')).resolves.toBe(`${dataDir}\n`);
    await expect(existingLocation(dataDir, stateDir)).resolves.toMatchObject({ cluster, base: path.dirname(cluster) });
  });

  it('is abandoned when the data directory was removed and created again', async () => {
    const cluster = await makeRelocated();
    await rm(dataDir, { recursive: true });
    await mkdir(dataDir);
    await expect(existingLocation(dataDir, stateDir)).resolves.toBeUndefined();
    await expect(abandonedDirectories(dataDir, stateDir)).resolves.toEqual([path.dirname(cluster)]);
  });

  it('follows a data directory that was moved, and is not abandoned by a new one at its path', async () => {
    const cluster = await makeRelocated();
    const moved = path.join(base, 'moved');
    await rename(dataDir, moved);
    await expect(existingLocation(moved, stateDir)).resolves.toMatchObject({ cluster });
    await mkdir(dataDir);
    await expect(abandonedDirectories(dataDir, stateDir)).resolves.toEqual([]);
  });

  it('is refused to a copy of its data directory', async () => {
    await makeRelocated();
    const copy = path.join(base, 'copy');
    await cp(dataDir, copy, { recursive: true, verbatimSymlinks: true });
    await expect(existingLocation(copy, stateDir)).rejects.toMatchObject({ code: 'CLUSTER_SHARED' });
    await expect(existingLocation(dataDir, stateDir)).resolves.toBeDefined();
  });

  it('is an error when it does not exist any more', async () => {
    const cluster = await makeRelocated();
    await rm(path.dirname(cluster), { recursive: true });
    await expect(existingLocation(dataDir, stateDir)).rejects.toMatchObject({ code: 'CLUSTER_GONE' });
  });

  it('is found as abandoned when its creation was interrupted', async () => {
    await makeRelocated();
    const [home = ''] = await readdir(stateDir);
    await rm(path.join(stateDir, home, 'data-dir'));
    await expect(abandonedDirectories(dataDir, stateDir)).resolves.toEqual([path.join(stateDir, home)]);
  });
});
