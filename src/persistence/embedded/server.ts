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
  /** Real path. */
  dataDir: string;
  logFile: string;
  log: (message: string) => void;
  /** In the time of `performance.now()`. */
  deadline: number;
  /** Whether a missing cluster is created; otherwise it is an error. */
  mayCreate: boolean;
}

export interface RunningServer {
  /** Real path. */
  cluster: string;
  address: ServerAddress;
  /** Whether the server was running already. */
  adopted: boolean;
  /** Whether the cluster was created just now. */
  created: boolean;
}

/** Starts or adopts the server, whatever state it and its cluster are in. Call it under the start lock. */
export async function ensureServer(environment: Environment): Promise<RunningServer> {
  const { dataDir, deadline, logFile, log } = environment;
  const location = await existingLocation(dataDir);
  if (location === undefined) {
    if (!environment.mayCreate) throw clusterGone(dataDir);
    return startNew(environment);
  }
  const identity = await clusterOwner(location.cluster);
  const running = await adopt(location.cluster, deadline, logFile);
  if (running !== undefined) {
    log(`Adopted the embedded PostgreSQL that was running already (pid ${running.pid})`);
    return { cluster: location.cluster, address: running, adopted: true, created: false };
  }
  const inaccessible = await firstInaccessiblePath(location.cluster, identity);
  if (inaccessible !== undefined) throw dataDirUnreachable(inaccessible, location, identity);
  return startIn(environment, location, identity);
}

async function startNew(environment: Environment): Promise<RunningServer> {
  const { dataDir, log } = environment;
  const me = currentIdentity();
  if (me === undefined) throw platformUnsupported();
  if (me.uid === 0) await removeAbandoned(dataDir, log);
  await removePartialClusters(path.join(dataDir, 'postgres'));
  const identity = me.uid === 0 ? await unprivilegedUser(undefined, log) : me;
  const location = await newLocation(dataDir, identity);
  log(`Creating the embedded database in ${location.cluster}`);
  const binaries = await usableBinaries(await installedBinaries(), identity, STATE_DIR, log);
  await createCluster(location, binaries, identity);
  return { ...(await startIn(environment, location, identity)), created: true };
}

async function startIn(
  environment: Environment,
  location: ClusterLocation,
  identity: ServerIdentity,
): Promise<RunningServer> {
  const { dataDir, deadline, logFile, log } = environment;
  const binaries = await usableBinaries(await installedBinaries(), identity, STATE_DIR, log);
  await checkVersion(location.cluster, binaries);
  const socketDir = await prepareSocketDir(socketDirCandidates(dataDir, location.base), identity);
  const { cluster } = location;
  const address = await launch({ cluster, socketDir, logFile, binaries, identity, deadline });
  log(`Started the embedded PostgreSQL (pid ${address.pid}, socket ${address.host}, port ${address.port})`);
  return { cluster, address, adopted: false, created: false };
}

async function removeAbandoned(dataDir: string, log: (message: string) => void): Promise<void> {
  for (const directory of await abandonedDirectories(dataDir)) {
    log(`Removing ${directory}: its data directory was removed`);
    const cluster = path.join(directory, 'cluster');
    const orphan = await findRunning(cluster);
    if (orphan !== undefined) await terminate(orphan.pid, cluster);
    await removeTree(directory);
  }
}

function clusterGone(dataDir: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'CLUSTER_GONE',
    `The database was removed from ${dataDir} while DevForge was running. Restore it or restart DevForge.`,
  );
}

function dataDirUnreachable(
  inaccessible: string,
  { cluster }: ClusterLocation,
  { uid }: ServerIdentity,
): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'DATA_DIR_UNREACHABLE',
    `The database in ${cluster} runs as uid ${uid}, which cannot access ${inaccessible} any more. ` +
      `Run "chmod o+x ${inaccessible}", or move the data directory to a path that it can access.`,
  );
}

function platformUnsupported(): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'PLATFORM_UNSUPPORTED',
    `The embedded PostgreSQL needs Linux or macOS, but this is ${process.platform}. Set DATABASE_URL.`,
  );
}
