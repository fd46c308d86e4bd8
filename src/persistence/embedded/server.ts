import path from 'node:path';
import { installedBinaries } from './binaries/binaries.js';
import { EmbeddedPostgresError } from './errors.js';
import { checkVersion, clusterOwner, createCluster, removePartialClusters, removeTree } from './cluster/initdb.js';
import {
  abandonedDirectories,
  existingLocation,
  newLocation,
  type ClusterLocation,
  STATE_DIR,
} from './cluster/cluster-location.js';
import { findRunning } from './process/postmaster-file.js';
import { adopt, launch, type ServerAddress, terminate } from './process/postmaster.js';
import { firstInaccessiblePath } from './cluster/reachability.js';
import { prepareSocketDir, socketDirCandidates } from './cluster/socket-dir.js';
import { currentIdentity, type ServerIdentity, unprivilegedUser } from './cluster/system-user.js';
import { usableBinaries } from './binaries/usable-binaries.js';

export interface Environment {
  /** real path */
  dataDir: string;
  logFile: string;
  log: (message: string) => void;
  /** on the clock of `performance.now()` */
  deadline: number;
  /** whether a missing cluster is made; else it is an error */
  mayCreate: boolean;
}

export interface RunningServer {
  /** real path */
  cluster: string;
  address: ServerAddress;
  /** it ran already */
  adopted: boolean;
  /** its cluster was made just now */
  created: boolean;
}

/** Gets to a running server from wherever things are: none, half made, stopped, starting, running. Needs the start lock. */
export async function ensureServer(around: Environment): Promise<RunningServer> {
  const { dataDir, deadline, logFile, log } = around;
  const place = await existingLocation(dataDir);
  if (place === undefined) {
    if (!around.mayCreate) throw vanished(dataDir);
    return startNew(around);
  }
  const identity = await clusterOwner(place.cluster);
  const running = await adopt(place.cluster, deadline, logFile);
  if (running !== undefined) {
    log(`Adopted the embedded PostgreSQL that was running already (pid ${running.pid})`);
    return { cluster: place.cluster, address: running, adopted: true, created: false };
  }
  const barrier = await firstInaccessiblePath(place.cluster, identity);
  if (barrier !== undefined) throw closed(barrier, place, identity);
  return startIn(around, place, identity);
}

async function startNew(around: Environment): Promise<RunningServer> {
  const { dataDir, log } = around;
  const me = currentIdentity();
  if (me === undefined) throw unsupported();
  if (me.uid === 0) await removeAbandoned(dataDir, log);
  await removePartialClusters(path.join(dataDir, 'postgres'));
  const identity = me.uid === 0 ? await unprivilegedUser(undefined, log) : me;
  const place = await newLocation(dataDir, identity);
  log(`Making the embedded database in ${place.cluster}`);
  const binaries = await usableBinaries(await installedBinaries(), identity, STATE_DIR, log);
  await createCluster(place, binaries, identity);
  return { ...(await startIn(around, place, identity)), created: true };
}

async function startIn(around: Environment, place: ClusterLocation, identity: ServerIdentity): Promise<RunningServer> {
  const { dataDir, deadline, logFile, log } = around;
  const binaries = await usableBinaries(await installedBinaries(), identity, STATE_DIR, log);
  await checkVersion(place.cluster, binaries);
  const socketDir = await prepareSocketDir(socketDirCandidates(dataDir, place.base), identity);
  const { cluster } = place;
  const address = await launch({ cluster, socketDir, logFile, binaries, identity, deadline });
  log(`Started the embedded PostgreSQL (pid ${address.pid}, socket ${address.host}, port ${address.port})`);
  return { cluster, address, adopted: false, created: false };
}

async function removeAbandoned(dataDir: string, log: (message: string) => void): Promise<void> {
  for (const home of await abandonedDirectories(dataDir)) {
    log(`Removing ${home}: the data directory that it belonged to was removed`);
    const cluster = path.join(home, 'cluster');
    const orphan = await findRunning(cluster);
    if (orphan !== undefined) await terminate(orphan.pid, cluster);
    await removeTree(home);
  }
}

function vanished(dataDir: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'CLUSTER_GONE',
    `The database was removed from ${dataDir} while DevForge was running. Bring it back or restart DevForge.`,
  );
}

function closed(barrier: string, { cluster }: ClusterLocation, { uid }: ServerIdentity): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'DATA_DIR_UNREACHABLE',
    `The database in ${cluster} runs as uid ${uid}, which cannot pass ${barrier} any more. ` +
      `Run "chmod o+x ${barrier}", or move the data directory to where it can.`,
  );
}

function unsupported(): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'PLATFORM_UNSUPPORTED',
    `The embedded PostgreSQL needs Linux or macOS, and this is ${process.platform}. Set DATABASE_URL.`,
  );
}
