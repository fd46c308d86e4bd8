import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, realpath, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EmbeddedPostgresError, ignoring } from '../errors.js';
import { firstInaccessiblePath } from './reachability.js';
import { shortHash } from './socket-dir.js';
import type { ServerIdentity } from './system-user.js';

/** Clusters and binaries for which the usual directory is inaccessible to the server's user, as root's are. */
export const STATE_DIR = '/var/lib/devforge';

/** Name of the cluster in the data directory: a directory, or a symbolic link to one. */
const POINTER = 'postgres';
/** File beside a relocated cluster that names the data directory it belongs to. */
const OWNER_FILE = 'data-dir';

export interface ClusterLocation {
  /** The data directory of PostgreSQL (PGDATA). */
  cluster: string;
  /** Parent of the cluster, of its socket directory and of partial clusters. */
  base: string;
  /** The symbolic link that must point to the cluster; absent when the cluster is in the data directory itself. */
  pointer?: string;
}

const pointerOf = (dataDir: string): string => path.join(dataDir, POINTER);
const inDataDir = (dataDir: string): ClusterLocation => ({ cluster: pointerOf(dataDir), base: dataDir });

const ownerOf = async (home: string): Promise<string | undefined> =>
  (await readFile(path.join(home, OWNER_FILE), 'utf8').catch(ignoring('ENOENT', 'ENOTDIR')))?.trim();

/**
 * Finds the cluster of a data directory.
 *
 * A relocated cluster counts only when both sides agree: the link in the data directory has its random name, and the
 * owner file beside the cluster names the data directory. So a data directory that was removed and created again does
 * not get the old rows back, and one that was moved keeps them.
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
  return wasEmpty ? undefined : inDataDir(dataDir);
}

async function followPointer(dataDir: string, pointer: string, stateDir: string): Promise<ClusterLocation> {
  const cluster = await realpath(pointer).catch(ignoring('ENOENT'));
  if (cluster === undefined) {
    throw new EmbeddedPostgresError(
      'CLUSTER_GONE',
      `${pointer} points to ${await readlink(pointer)}, which does not exist. Restore that directory, ` +
        `or remove ${pointer} to start with an empty database.`,
    );
  }
  const home = path.dirname(cluster);
  const location = { cluster, base: home, pointer };
  // A link that the operator created, for example to a larger disk
  if (path.dirname(home) !== (await realpath(stateDir).catch(() => stateDir))) return { ...location, base: dataDir };
  const owner = await ownerOf(home);
  if (owner === dataDir) return location;
  if (owner !== undefined && (await realpath(pointerOf(owner)).catch(() => undefined)) === cluster) {
    throw new EmbeddedPostgresError(
      'CLUSTER_SHARED',
      `${dataDir} is a copy of ${owner}: both point to the database in ${cluster}. ` +
        `Remove ${pointer} to give the copy an empty database of its own.`,
    );
  }
  await writeFile(path.join(home, OWNER_FILE), `${dataDir}\n`);
  return location;
}

/**
 * Chooses the location of a new cluster: the data directory, unless the server's user cannot access it.
 *
 * @param dataDir real path
 */
export async function newLocation(
  dataDir: string,
  identity: ServerIdentity,
  stateDir: string = STATE_DIR,
): Promise<ClusterLocation> {
  if (process.getuid?.() !== 0 || (await firstInaccessiblePath(dataDir, identity)) === undefined)
    return inDataDir(dataDir);
  await mkdir(stateDir, { recursive: true, mode: 0o755 });
  const name = `${shortHash(dataDir)}-${randomBytes(4).toString('hex')}`;
  const home = path.join(await realpath(stateDir), name);
  await mkdir(home, { mode: 0o755 });
  await writeFile(path.join(home, OWNER_FILE), `${dataDir}\n`);
  return { cluster: path.join(home, 'cluster'), base: home, pointer: pointerOf(dataDir) };
}

/**
 * Directories of relocated clusters that belonged to this data directory before it was removed. Valid only while the
 * data directory has no cluster.
 */
export async function abandonedDirectories(dataDir: string, stateDir: string = STATE_DIR): Promise<string[]> {
  const state = await realpath(stateDir).catch(ignoring('ENOENT'));
  const names = state === undefined ? [] : await readdir(state);
  const abandoned: string[] = [];
  for (const name of names) {
    const home = path.join(state ?? stateDir, name);
    const owner = await ownerOf(home);
    const isUnfinished = owner === undefined && name.startsWith(`${shortHash(dataDir)}-`);
    if (owner === dataDir || isUnfinished) abandoned.push(home);
  }
  return abandoned;
}

function notACluster(pointer: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'CLUSTER_INVALID',
    `${pointer} should be the directory of the embedded database, but is something else. Move it away.`,
  );
}
