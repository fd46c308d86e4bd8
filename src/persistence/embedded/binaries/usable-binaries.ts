import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type Binaries, binariesIn } from './binaries.js';
import { messageOf } from '../../../common/errors/message-of.js';
import { EmbeddedPostgresError, errorCode, ignoring } from '../errors.js';
import { EXECUTE, firstInaccessiblePath, READ } from '../cluster/reachability.js';
import { run } from '../process/run.js';
import type { ServerIdentity } from '../cluster/system-user.js';

const HOUR_MS = 3_600_000;

/**
 * Binaries that `identity` can execute. If it cannot access their path, such as a checkout under /root, they are copied
 * once to `<stateDir>/postgresql-<version>`, world-readable and owned by root.
 *
 * @throws EmbeddedPostgresError `BINARIES_UNUSABLE`
 */
export async function usableBinaries(
  installed: Binaries,
  identity: ServerIdentity,
  stateDir: string,
  log: (message: string) => void,
): Promise<Binaries> {
  await makeExecutable(installed);
  if (await isAccessible(installed.native, identity)) return installed;
  const copy = path.join(stateDir, `postgresql-${installed.version}`);
  try {
    const known = await lstat(copy).catch(ignoring('ENOENT'));
    if (known === undefined) {
      log(`Copying the PostgreSQL binaries to ${copy}: the server's user cannot access their directory`);
      await copyOnce(installed.native, copy);
    }
  } catch (error) {
    throw new EmbeddedPostgresError(
      'BINARIES_UNUSABLE',
      `The server's user (uid ${identity.uid}) cannot read ${installed.native}, and copying it to ${copy} failed: ` +
        `${messageOf(error)}. Free some space, make the checkout accessible, or set DATABASE_URL.`,
      { cause: error },
    );
  }
  if (await isAccessible(copy, identity)) return binariesIn(copy, installed.version);
  throw new EmbeddedPostgresError(
    'BINARIES_UNUSABLE',
    `The server's user (uid ${identity.uid}) cannot read ${copy}. Make that directory readable for everyone.`,
  );
}

async function makeExecutable({ initdb, postgres }: Binaries): Promise<void> {
  for (const file of [initdb, postgres]) {
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      continue;
    await chmod(file, 0o755).catch((error: unknown) => {
      throw new EmbeddedPostgresError(
        'BINARIES_UNUSABLE',
        `${file} is not executable (${messageOf(error)}): run "chmod +x" on it.`,
      );
    });
  }
}

/** Checks one file of each kind, since the umask at installation applies to all of them alike. */
async function isAccessible(native: string, identity: ServerIdentity): Promise<boolean> {
  const [library = ''] = (await readdir(path.join(native, 'lib'))).filter((name) => name.includes('.so'));
  const samples: [string, number][] = [
    ['bin/initdb', EXECUTE | READ],
    ['bin/postgres', EXECUTE | READ],
    [`lib/${library}`, READ],
    ['share/postgresql/postgres.bki', READ],
  ];
  for (const [file, wanted] of samples) {
    if ((await firstInaccessiblePath(path.join(native, file), identity, wanted)) !== undefined) return false;
  }
  return true;
}

/** Copies atomically: to a temporary name, flushed, then renamed. Two processes may do so at once. */
async function copyOnce(native: string, copy: string): Promise<void> {
  await mkdir(path.dirname(copy), { recursive: true, mode: 0o755 });
  await removeAbandoned(copy);
  const temporary = `${copy}.tmp-${randomBytes(4).toString('hex')}`;
  try {
    await cp(native, temporary, { recursive: true, verbatimSymlinks: true });
    await run('chmod', ['-R', 'u=rwX,go=rX', temporary]);
    // Without the flush a crash of the machine could leave a renamed directory of empty files
    await run('sync', ['-f', temporary]);
    await rename(temporary, copy);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error;
  }
}

/** Removes partial copies of killed processes, which are older than any copy that is still being written. */
async function removeAbandoned(copy: string): Promise<void> {
  const parent = path.dirname(copy);
  for (const name of await readdir(parent)) {
    if (!name.startsWith(`${path.basename(copy)}.tmp-`)) continue;
    const found = await lstat(path.join(parent, name)).catch(ignoring('ENOENT'));
    if (found === undefined || Date.now() - found.mtimeMs < HOUR_MS) continue;
    await rm(path.join(parent, name), { recursive: true, force: true });
  }
}
