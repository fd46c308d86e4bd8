import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** 0.1.0 */
const COMMIT = '7259fd158abb7a26a2c2a48b1ef8fbdf02c8e096';
const ROOT = resolve('.');
const CACHE = join(ROOT, 'node_modules', '.cache', 'devforge-releases');

/** Where the built server of the release before this one is. */
export interface PreviousRelease {
  /** Its `dist/main.js`. */
  entry: string;
}

/**
 * Checks the release before this one out of the repository's history and builds it, once for each checkout.
 * @throws Error when the history is not there, as in a shallow clone
 */
export async function previousRelease(): Promise<PreviousRelease> {
  const folder = join(CACHE, COMMIT);
  if (!existsSync(folder)) await build(folder);
  return { entry: join(folder, 'dist', 'main.js') };
}

async function build(folder: string): Promise<void> {
  const draft = `${folder}.${process.pid}`;
  try {
    await mkdir(draft, { recursive: true });
    await run('sh', ['-c', 'git archive "$1" | tar -x -C "$2"', 'sh', COMMIT, draft], { cwd: ROOT }).catch(
      (error: unknown) => {
        throw new Error('The history of the repository is needed: git fetch --unshallow', { cause: error });
      },
    );
    await requireSameDependencies(draft);
    await symlink(join(ROOT, 'node_modules'), join(draft, 'node_modules'));
    await run(process.execPath, [join(ROOT, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), 'build'], {
      cwd: draft,
    });
    await mkdir(dirname(folder), { recursive: true });
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** It runs on the packages of this checkout, so each that it needs must be there in the version that it was released with. */
async function requireSameDependencies(folder: string): Promise<void> {
  const dependencies = async (path: string): Promise<Record<string, string>> =>
    (JSON.parse(await readFile(join(path, 'package.json'), 'utf8')) as { dependencies: Record<string, string> })
      .dependencies;
  const [before, now] = await Promise.all([dependencies(folder), dependencies(ROOT)]);
  const other = Object.entries(before).filter(([name, version]) => now[name] !== version);
  if (other.length > 0)
    throw new Error(`The release before needs other packages: ${other.map((entry) => entry.join('@')).join(', ')}`);
}
