import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, realpath, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EmbeddedPostgresError, ignoring } from '../errors.js';
import { firstInaccessiblePath } from './reachability.js';
import { shortHash } from './socket-dir.js';
import type { ServerIdentity } from './system-user.js';

/** Clusters and binaries that cannot live where they belong, because root's directories are closed to other users. */
export const STATE_DIR = '/var/lib/devforge';

/** Name of the cluster in the data directory: a directory, or a symbolic link to one. */
const POINTER = 'postgres';
/** File in a relocated home that names the data directory it belongs to. */
const OWNER_FILE = 'data-dir';

export interface ClusterLocation {
  /** the cluster (PGDATA) */
  cluster: string;
  /** directory that holds the cluster, its socket directory and half-made clusters */
  base: string;
  /** the symbolic link that must point to the cluster; absent when the cluster lies in the data directory itself */
  pointer?: string;
}

const pointerOf = (dataDir: string): string => path.join(dataDir, POINTER);
const inPlace = (dataDir: string): ClusterLocation => ({ cluster: pointerOf(dataDir), base: dataDir });

const ownerOf = async (home: string): Promise<string | undefined> =>
  (await readFile(path.join(home, OWNER_FILE), 'utf8').catch(ignoring('ENOENT', 'ENOTDIR')))?.trim();

/**
 * The cluster that a data directory has already.
 *
 * A relocated cluster is only believed when both sides agree: the link in the data directory names its random id, and
 * the owner file beside the cluster names the data directory. So a data directory that was removed and made again never
 * gets the old rows back, and one that was moved keeps them.
 *
 * @param dataDir real path
 * @returns `undefined` when there is none yet
 * @throws EmbeddedPostgresError `CLUSTER_GONE`, `CLUSTER_SHARED`, `CLUSTER_INVALID`
 */
export async function existingLocation(
  dataDir: string,
  stateDir: string = STATE_DIR,
): Promise<ClusterLocation | undefined> {
  const pointer = pointerOf(dataDir);
  const found = await lstat(pointer).catch(ignoring('ENOENT'));
  if (found === undefined) return undefined;
  if (found.isSymbolicLink()) return followPointer(dataDir, pointer, stateDir);
  if (!found.isDirectory()) throw notACluster(pointer);
  const wasEmpty = await rmdir(pointer).then(
    () => true,
    () => false,
  );
  return wasEmpty ? undefined : inPlace(dataDir);
}

async function followPointer(dataDir: string, pointer: string, stateDir: string): Promise<ClusterLocation> {
  const cluster = await realpath(pointer).catch(ignoring('ENOENT'));
  if (cluster === undefined) {
    throw new EmbeddedPostgresError(
      'CLUSTER_GONE',
      `${pointer} points to ${await readlink(pointer)}, which is gone. Bring that directory back, ` +
        `or remove ${pointer} to begin with an empty database.`,
    );
  }
  const home = path.dirname(cluster);
  const place = { cluster, base: home, pointer };
  // A link that a person made, to a bigger disk for example
  if (path.dirname(home) !== (await realpath(stateDir).catch(() => stateDir))) return { ...place, base: dataDir };
  const owner = await ownerOf(home);
  if (owner === dataDir) return place;
  if (owner !== undefined && (await realpath(pointerOf(owner)).catch(() => undefined)) === cluster) {
    throw new EmbeddedPostgresError(
      'CLUSTER_SHARED',
      `${dataDir} is a copy of ${owner}: both point to the database in ${cluster}. ` +
        `Remove ${pointer} to give the copy an empty database of its own.`,
    );
  }
  await writeFile(path.join(home, OWNER_FILE), `${dataDir}\n`);
  return place;
}

/**
 * Where a new cluster goes: into the data directory, unless its user cannot get there.
 *
 * @param dataDir real path
 */
export async function newLocation(
  dataDir: string,
  identity: ServerIdentity,
  stateDir: string = STATE_DIR,
): Promise<ClusterLocation> {
  if (process.getuid?.() !== 0 || (await firstInaccessiblePath(dataDir, identity)) === undefined)
    return inPlace(dataDir);
  await mkdir(stateDir, { recursive: true, mode: 0o755 });
  const name = `${shortHash(dataDir)}-${randomBytes(4).toString('hex')}`;
  const home = path.join(await realpath(stateDir), name);
  await mkdir(home, { mode: 0o755 });
  await writeFile(path.join(home, OWNER_FILE), `${dataDir}\n`);
  return { cluster: path.join(home, 'cluster'), base: home, pointer: pointerOf(dataDir) };
}

/**
 * Homes of relocated clusters that belonged to this data directory before somebody removed it.
 * Only true while the data directory has no cluster.
 */
export async function abandonedDirectories(dataDir: string, stateDir: string = STATE_DIR): Promise<string[]> {
  const state = await realpath(stateDir).catch(ignoring('ENOENT'));
  const names = state === undefined ? [] : await readdir(state);
  const homes: string[] = [];
  for (const name of names) {
    const home = path.join(state ?? stateDir, name);
    const owner = await ownerOf(home);
    const unfinished = owner === undefined && name.startsWith(`${shortHash(dataDir)}-`);
    if (owner === dataDir || unfinished) homes.push(home);
  }
  return homes;
}

function notACluster(pointer: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'CLUSTER_INVALID',
    `${pointer} should be the embedded database's directory, but is something else. Move it away.`,
  );
}
