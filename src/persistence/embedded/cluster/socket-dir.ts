import { createHash } from 'node:crypto';
import { chmod, lchown, lstat, mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EmbeddedPostgresError, ignoring } from '../errors.js';
import { firstInaccessiblePath } from './reachability.js';
import { currentIdentity, type ServerIdentity } from './system-user.js';

/** Size of `sockaddr_un.sun_path` in bytes, without the terminating zero. */
const SOCKET_PATH_LIMIT = process.platform === 'darwin' ? 103 : 107;
const MAX_SOCKET_NAME = '.s.PGSQL.65535';

export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

export function fitsSocket(directory: string): boolean {
  return Buffer.byteLength(path.join(directory, MAX_SOCKET_NAME)) <= SOCKET_PATH_LIMIT;
}

/** Directories for the socket in order of preference: beside the data if its path is short enough, then temporary ones. */
export function socketDirCandidates(dataDir: string, base: string, temporary: string = tmpdir()): string[] {
  const name = `devforge-pg-${shortHash(dataDir)}`;
  const all = [path.join(base, 'postgres-run'), path.join(temporary, name), path.join('/tmp', name)];
  return [...new Set(all)].filter((directory) => fitsSocket(directory));
}

/**
 * Prepares a directory for the socket that only the server's user and root can enter, without sockets of dead servers.
 * It is the only protection of the server, which accepts connections on the socket without a password.
 *
 * @returns its real path
 * @throws EmbeddedPostgresError `SOCKET_DIR_UNSAFE`
 */
export async function prepareSocketDir(candidates: readonly string[], identity: ServerIdentity): Promise<string> {
  for (const candidate of candidates) {
    const parent = await realpath(path.dirname(candidate)).catch(ignoring('ENOENT'));
    const directory = parent === undefined ? undefined : path.join(parent, path.basename(candidate));
    if (directory === undefined || parent === undefined || !fitsSocket(directory)) continue;
    if ((await firstInaccessiblePath(parent, identity)) !== undefined) continue;
    await privateDirectory(directory, identity);
    await removeSockets(directory);
    return directory;
  }
  throw new EmbeddedPostgresError(
    'SOCKET_DIR_UNSAFE',
    `No directory is short enough for a socket and accessible to the server's user (tried ${candidates.join(', ')}). ` +
      'Set DATA_DIR to a shorter path.',
  );
}

/** Creates a directory of mode 0700, or reuses one that belongs to the server's user or to this one. */
async function privateDirectory(directory: string, identity: ServerIdentity): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).catch(ignoring('EEXIST'));
  const found = await lstat(directory);
  const ours = [identity.uid, currentIdentity()?.uid].includes(found.uid);
  if (!found.isDirectory() || !ours) {
    throw new EmbeddedPostgresError(
      'SOCKET_DIR_UNSAFE',
      `${directory} should be a private directory for the database's socket, but ` +
        `${found.isDirectory() ? `belongs to uid ${found.uid}` : 'is not a directory'}. Remove it, or set DATA_DIR to a shorter path.`,
    );
  }
  if (found.uid !== identity.uid) await lchown(directory, identity.uid, identity.gid);
  if ((found.mode & 0o777) !== 0o700) await chmod(directory, 0o700);
}

async function removeSockets(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith('.s.PGSQL.')) await rm(path.join(directory, name), { force: true });
  }
}
