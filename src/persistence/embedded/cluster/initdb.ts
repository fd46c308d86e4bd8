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
 * Creates a cluster atomically: under a temporary name, flushed by initdb, then renamed. A process that is killed in
 * between leaves a partial cluster for {@link removePartialClusters}.
 *
 * @throws EmbeddedPostgresError `INITDB_FAILED`
 */
export async function createCluster(
  location: ClusterLocation,
  binaries: Binaries,
  identity: ServerIdentity,
): Promise<void> {
  const temporary = `${location.cluster}${TEMPORARY}${randomBytes(4).toString('hex')}`;
  await mkdir(temporary, { mode: 0o700 });
  const isOtherUser = currentIdentity()?.uid !== identity.uid;
  if (isOtherUser) await lchown(temporary, identity.uid, identity.gid);
  const args = initdbArguments(temporary, randomInt(10_000, 65_536));
  const made = await run(binaries.initdb, args, { ...(isOtherUser ? identity : {}), timeoutMs: 300_000 });
  if (made.exitCode !== 0) {
    await removeTree(temporary);
    throw new EmbeddedPostgresError(
      'INITDB_FAILED',
      `The database could not be created in ${location.base}: ${made.stderr.trim() || 'initdb was killed'}. ` +
        'Check free space and permissions there, or set DATABASE_URL.',
    );
  }
  await rename(temporary, location.cluster);
  await flush(location.base);
  if (location.pointer !== undefined) {
    await symlink(location.cluster, location.pointer);
    await flush(path.dirname(location.pointer));
  }
}

/** Removes the partial clusters of killed processes. Call it under the start lock, so that none is being created. */
export async function removePartialClusters(cluster: string): Promise<void> {
  const base = path.dirname(cluster);
  for (const name of await readdir(base)) {
    if (name.startsWith(path.basename(cluster) + TEMPORARY)) await removeTree(path.join(base, name));
  }
}

/**
 * Checks that this process can run the cluster, with a clearer message than that of the server.
 *
 * @returns the owner of the cluster, who runs the server
 * @throws EmbeddedPostgresError `CLUSTER_WRONG_OWNER`
 */
export async function clusterOwner(cluster: string): Promise<ServerIdentity> {
  const { uid, gid } = await lstat(cluster);
  const me = currentIdentity()?.uid;
  if (me === 0 ? uid !== 0 : uid === me) return { uid, gid };
  throw new EmbeddedPostgresError(
    'CLUSTER_WRONG_OWNER',
    `The database in ${cluster} belongs to uid ${uid}, but this process runs as uid ${me}. ` +
      'Start DevForge as the user that created it (it may have been root), or set DATA_DIR to a directory of your own.',
  );
}

/** @throws EmbeddedPostgresError `CLUSTER_INVALID`, `CLUSTER_VERSION` */
export async function checkVersion(cluster: string, binaries: Binaries): Promise<void> {
  const version = (await readFile(path.join(cluster, 'PG_VERSION'), 'utf8').catch(ignoring('ENOENT')))?.trim();
  if (version === undefined) {
    throw new EmbeddedPostgresError(
      'CLUSTER_INVALID',
      `${cluster} is not a PostgreSQL database (it has no PG_VERSION). Move it away to start with an empty one.`,
    );
  }
  if (version === majorVersion(binaries)) return;
  throw new EmbeddedPostgresError(
    'CLUSTER_VERSION',
    `${cluster} was created by PostgreSQL ${version}; this DevForge contains ${majorVersion(binaries)}. ` +
      'Dump it with the DevForge that created it and load the dump, or move it away to start with an empty one.',
  );
}

/** Retries, because an initdb whose parent was killed may still be writing. */
export async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
}

/** Flushes the directory, so that a rename survives a crash of the machine. */
async function flush(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
