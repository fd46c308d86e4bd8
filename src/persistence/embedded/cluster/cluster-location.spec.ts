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
/** Only root runs a server as somebody else. */
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

/** What `createCluster` does to a relocated place, without a database. */
async function makeRelocated(): Promise<string> {
  await chmod(dataDir, 0o700);
  const place = await newLocation(dataDir, server, stateDir);
  await mkdir(place.cluster);
  await symlink(place.cluster, path.join(dataDir, 'postgres'));
  return place.cluster;
}

describe('a cluster in the data directory', () => {
  it('is found', async () => {
    await mkdir(path.join(dataDir, 'postgres', 'base'), { recursive: true });
    await expect(existingLocation(dataDir, stateDir)).resolves.toEqual({
      cluster: path.join(dataDir, 'postgres'),
      base: dataDir,
    });
  });

  it('is none while its directory is empty', async () => {
    await mkdir(path.join(dataDir, 'postgres'));
    await expect(existingLocation(dataDir, stateDir)).resolves.toBeUndefined();
  });

  it('cannot be a file', async () => {
    await writeFile(path.join(dataDir, 'postgres'), '');
    await expect(existingLocation(dataDir, stateDir)).rejects.toMatchObject({ code: 'CLUSTER_INVALID' });
  });

  it('is where a new one goes when its user can get there', async () => {
    await expect(newLocation(dataDir, server, stateDir)).resolves.toEqual({
      cluster: path.join(dataDir, 'postgres'),
      base: dataDir,
    });
  });

  it('may be a link that a person made', async () => {
    const elsewhere = path.join(base, 'big-disk');
    await mkdir(elsewhere);
    await symlink(elsewhere, path.join(dataDir, 'postgres'));
    await expect(existingLocation(dataDir, stateDir)).resolves.toMatchObject({ cluster: elsewhere, base: dataDir });
  });
});

asRoot('a relocated cluster', () => {
  it('is made when the data directory is closed to its user', async () => {
    const cluster = await makeRelocated();
    expect(path.dirname(path.dirname(cluster))).toBe(stateDir);
    await expect(readFile(path.join(path.dirname(cluster), 'data-dir'), 'utf8')).resolves.toBe(`${dataDir}\n`);
    await expect(existingLocation(dataDir, stateDir)).resolves.toMatchObject({ cluster, base: path.dirname(cluster) });
  });

  it('is abandoned when the data directory was removed and made again', async () => {
    const cluster = await makeRelocated();
    await rm(dataDir, { recursive: true });
    await mkdir(dataDir);
    await expect(existingLocation(dataDir, stateDir)).resolves.toBeUndefined();
    await expect(abandonedDirectories(dataDir, stateDir)).resolves.toEqual([path.dirname(cluster)]);
  });

  it('goes with a data directory that was moved, and is safe from its successor', async () => {
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

  it('is missed loudly when it is gone', async () => {
    const cluster = await makeRelocated();
    await rm(path.dirname(cluster), { recursive: true });
    await expect(existingLocation(dataDir, stateDir)).rejects.toMatchObject({ code: 'CLUSTER_GONE' });
  });

  it('leaves a home that is found again when its making was cut short', async () => {
    await makeRelocated();
    const [home = ''] = await readdir(stateDir);
    await rm(path.join(stateDir, home, 'data-dir'));
    await expect(abandonedDirectories(dataDir, stateDir)).resolves.toEqual([path.join(stateDir, home)]);
  });
});
