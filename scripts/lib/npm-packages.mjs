/**
 * Runs `npm ci` when node_modules is missing or does not match package-lock.json.
 * After a successful install node_modules/.devforge-lock has the hash of the lock file.
 */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostEnv, run, which } from './exec.mjs';
import { Failure } from './failure.mjs';
import { ROOT } from './paths.mjs';

const INSTALL_MS = 30 * 60_000;
const OPTIONS = ['--include=dev', '--loglevel=error', '--progress=false'];

/**
 * Whether the installed packages are those of the lock file; optional packages may be absent.
 * @typedef {{ packages?: Record<string, { version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }> }} Lock
 *
 * @param {Lock} lock
 * @param {Lock} installed npm's own record, node_modules/.package-lock.json
 */
export function installedMatches(lock, installed) {
  const wanted = Object.entries(lock.packages ?? {}).filter(([path]) => path !== '');
  const known = installed.packages ?? {};
  const same = ([path, entry]) => {
    const found = known[path];
    if (!found) return Boolean(entry.optional || entry.devOptional || entry.peer);
    return found.version === entry.version && found.integrity === entry.integrity;
  };
  const locked = new Set(wanted.map(([path]) => path));
  return wanted.every(same) && Object.keys(known).every((path) => locked.has(path));
}

/** @returns {'ready' | 'adopt' | 'install'} adopt: installed by hand and complete, only the hash is missing */
export function planNpm({ stamp, hash, lock, installed, hasNode }) {
  if (!installed || !hasNode) return 'install';
  if (stamp === hash) return 'ready';
  return installedMatches(lock, installed) ? 'adopt' : 'install';
}

export async function ensureNpmPackages(step, root = ROOT) {
  const modules = join(root, 'node_modules');
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const hash = createHash('sha256').update(text).digest('hex');
  const stampFile = join(modules, '.devforge-lock');
  const lock = JSON.parse(text);
  const plan = planNpm({
    stamp: read(stampFile),
    hash,
    lock,
    installed: JSON.parse(read(join(modules, '.package-lock.json')) ?? 'null'),
    hasNode: existsSync(join(modules, '.bin', 'node')),
  });
  if (plan === 'ready') return step.done('up to date');
  if (plan === 'install') await install(step, root, lock);
  writeFileSync(stampFile, hash);
  return step.done(plan === 'install' ? 'installed from package-lock.json' : 'already installed');
}

const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

/**
 * Whether `npm ci` failed only because the lock file lacks optional packages, usually those of other platforms: npm
 * leaves them out of the lock when they could not be fetched where it was written.
 * @param {string[]} errors npm's error lines
 * @param {{ packages?: Record<string, { optionalDependencies?: Record<string, string> }> }} lock
 */
export function lacksOnlyOptional(errors, lock) {
  const complaints = errors.flatMap(
    (line) => /\b(Missing|Invalid): (@?[^@\s]+)@/.exec(line)?.slice(1, 3).join(' ') ?? [],
  );
  const optional = new Set(
    Object.values(lock.packages ?? {}).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {})),
  );
  return (
    complaints.length > 0 &&
    complaints.every((text) => text.startsWith('Missing ') && optional.has(text.slice('Missing '.length)))
  );
}

async function install(step, root, lock) {
  const npm = which('npm');
  if (!npm) throw new Failure('npm is not on the PATH.', ['install Node.js with npm, then run this again']);
  // `npm ci` empties the folder first, also through a symbolic link: another checkout would lose its packages.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new Failure('node_modules is a symbolic link, and what it points to does not match package-lock.json.', [
      'rm node_modules',
      'then run this again',
    ]);
  }
  step.progress('npm ci, about a minute');
  let outcome = await runNpm(npm, ['ci', ...OPTIONS], root);
  if (outcome.code !== 0 && lacksOnlyOptional(outcome.errors, lock)) {
    step.progress('npm install from the lock file, which lacks optional packages of other platforms');
    outcome = await runNpm(npm, ['install', '--no-save', ...OPTIONS], root);
  }
  if (outcome.code !== 0)
    throw new Failure(
      'Installing the npm packages failed.',
      ['npm ci --include=dev', 'then run this again'],
      outcome.errors.slice(0, 12),
    );
  if (!existsSync(join(root, 'node_modules', '.bin', 'node'))) {
    throw new Failure('npm succeeded, but the package `node` did not install its program.', [
      'npm config get ignore-scripts   # must be false',
      'npm rebuild node',
    ]);
  }
}

async function runNpm(npm, args, cwd) {
  const errors = [];
  const onLine = (line) => /^npm (error|ERR!) *\S/.test(line) && errors.push(line);
  const { code, lines } = await run(npm, args, { cwd, env: hostEnv({ CI: 'true' }), timeoutMs: INSTALL_MS, onLine });
  return { code, errors: errors.length > 0 ? errors : lines };
}
