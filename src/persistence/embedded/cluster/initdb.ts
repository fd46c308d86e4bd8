import { randomBytes, randomInt } from 'node:crypto';
import { lchown, lstat, mkdir, open, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { type Binaries, majorVersion } from '../binaries/binaries.js';
import { EmbeddedPostgresError, ignoring } from '../errors.js';
import type { ClusterLocation } from './cluster-location.js';
import { run } from '../process/run.js';
import { initdbArguments } from '../settings.js';
import { currentIdentity, type ServerIdentity } from './system-user.js';

const TEMPORARY = '.tmp-';

/**
 * Makes the cluster of a place: under a temporary name, flushed by initdb, then renamed. A process that is killed on the
 * way leaves no cluster that looks whole, only a leftover for `removeLeftovers`.
 *
 * @throws EmbeddedPostgresError `INITDB_FAILED`
 */
export async function createCluster(
  place: ClusterLocation,
  binaries: Binaries,
  identity: ServerIdentity,
): Promise<void> {
  const temporary = `${place.cluster}${TEMPORARY}${randomBytes(4).toString('hex')}`;
  await mkdir(temporary, { mode: 0o700 });
  const foreign = currentIdentity()?.uid !== identity.uid;
  if (foreign) await lchown(temporary, identity.uid, identity.gid);
  const args = initdbArguments(temporary, randomInt(10_000, 65_536));
  const made = await run(binaries.initdb, args, { ...(foreign ? identity : {}), timeoutMs: 300_000 });
  if (made.exitCode !== 0) {
    await removeTree(temporary);
    throw new EmbeddedPostgresError(
      'INITDB_FAILED',
      `The database could not be made in ${place.base}: ${made.stderr.trim() || 'initdb was killed'}. ` +
        'Check free space and permissions there, or set DATABASE_URL.',
    );
  }
  await rename(temporary, place.cluster);
  await flush(place.base);
  if (place.pointer !== undefined) {
    await symlink(place.cluster, place.pointer);
    await flush(path.dirname(place.pointer));
  }
}

/** Half-made clusters of processes that were killed. Call it under the start lock, where nobody is making one. */
export async function removePartialClusters(cluster: string): Promise<void> {
  const base = path.dirname(cluster);
  for (const name of await readdir(base)) {
    if (name.startsWith(path.basename(cluster) + TEMPORARY)) await removeTree(path.join(base, name));
  }
}

/**
 * Refuses a cluster that this process must not or cannot run, before the server does so less clearly.
 *
 * @returns the user that owns the cluster and therefore runs it
 * @throws EmbeddedPostgresError `CLUSTER_WRONG_OWNER`
 */
export async function clusterOwner(cluster: string): Promise<ServerIdentity> {
  const { uid, gid } = await lstat(cluster);
  const me = currentIdentity()?.uid;
  if (me === 0 ? uid !== 0 : uid === me) return { uid, gid };
  throw new EmbeddedPostgresError(
    'CLUSTER_WRONG_OWNER',
    `The database in ${cluster} belongs to uid ${uid}, and this process runs as uid ${me}. ` +
      'Start DevForge as the user that made it (it may have been root), or set DATA_DIR to a directory of your own.',
  );
}

/** @throws EmbeddedPostgresError `CLUSTER_INVALID`, `CLUSTER_VERSION` */
export async function checkVersion(cluster: string, binaries: Binaries): Promise<void> {
  const version = (await readFile(path.join(cluster, 'PG_VERSION'), 'utf8').catch(ignoring('ENOENT')))?.trim();
  if (version === undefined) {
    throw new EmbeddedPostgresError(
      'CLUSTER_INVALID',
      `${cluster} is not a PostgreSQL database (it has no PG_VERSION). Move it away to begin with an empty one.`,
    );
  }
  if (version === majorVersion(binaries)) return;
  throw new EmbeddedPostgresError(
    'CLUSTER_VERSION',
    `${cluster} was made by PostgreSQL ${version}; this DevForge brings ${majorVersion(binaries)}. ` +
      'Dump it with the DevForge that made it and load the dump, or move it away to begin with an empty one.',
  );
}

/** An initdb whose parent was killed may still be writing into the tree: hence the retries. */
export async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
}

/** Makes a rename survive a crash of the machine. */
async function flush(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
