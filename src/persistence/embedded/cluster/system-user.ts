import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError } from '../errors.js';
import { run } from '../process/run.js';

/** User and group of a process, without supplementary groups, which Node drops when it switches the user. */
export interface ServerIdentity {
  uid: number;
  gid: number;
}

/** Our own first, so that the choice stays the same when `postgres` is installed later. `_postgres` is that of macOS. */
const KNOWN_USERS = ['devforge-postgres', 'postgres', '_postgres'] as const;

/** The user of this process. `undefined` on systems without user ids. */
export function currentIdentity(): ServerIdentity | undefined {
  if (process.getuid === undefined || process.getgid === undefined) return undefined;
  return { uid: process.getuid(), gid: process.getgid() };
}

/** @returns `undefined` when no such user exists */
export async function findUser(name: string): Promise<ServerIdentity | undefined> {
  const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
  if (uid.exitCode !== 0 || gid.exitCode !== 0) return undefined;
  return { uid: Number.parseInt(uid.stdout, 10), gid: Number.parseInt(gid.stdout, 10) };
}

/**
 * The unprivileged user that runs PostgreSQL for root: the server refuses to run as root.
 * Uses an existing one, or creates a system user without home, password or shell.
 *
 * @throws EmbeddedPostgresError `SYSTEM_USER_MISSING`
 */
export async function unprivilegedUser(
  known: readonly string[] = KNOWN_USERS,
  log: (message: string) => void = () => undefined,
): Promise<ServerIdentity> {
  for (const name of known) {
    const found = await findUser(name);
    if (found !== undefined && found.uid !== 0) return found;
  }
  const name = known[0] ?? KNOWN_USERS[0];
  const made = await run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir=/nonexistent',
    '--shell=/usr/sbin/nologin',
    '--comment=DevForge embedded PostgreSQL',
    name,
  ]);
  // Another process may be creating the same user, and useradd fails while /etc/passwd is locked
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const found = await findUser(name);
    if (found !== undefined) {
      if (made.exitCode === 0)
        log(`Created the system user ${name} (uid ${found.uid}): PostgreSQL refuses to run as root`);
      return found;
    }
    await delay(100);
  }
  throw new EmbeddedPostgresError(
    'SYSTEM_USER_MISSING',
    `PostgreSQL refuses to run as root, and the system user ${name} could not be created (${made.stderr.trim()}). ` +
      `Run "useradd --system ${name}" manually, start DevForge as an ordinary user, or set DATABASE_URL.`,
  );
}
