/** Debian and Ubuntu packages, installed without starting the services they bring. */
import { existsSync } from 'node:fs';
import { Failure } from './failure.mjs';
import { canInstall, runAsRoot } from './host.mjs';
import { defer } from './shutdown.mjs';

const POLICY = '/usr/sbin/policy-rc.d';
const UPDATE_MS = 5 * 60_000;
const INSTALL_MS = 20 * 60_000;
const OPTIONS = ['-o', 'DPkg::Lock::Timeout=180', '-o', 'Acquire::Retries=2'];
const QUIET = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };

let updated = false;

/** What a person has to run to install the same. */
export const installCommand = (packages) =>
  `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;

/**
 * Installs packages; when that cannot be done here, fails with what to run.
 * @param {import('./host.mjs').Host} host
 * @param {string[]} packages Debian package names
 * @param {{ purpose: string, progress: (text: string) => void }} options
 */
export async function installPackages(host, packages, { purpose, progress }) {
  if (!canInstall(host)) throw cannotInstall(host, packages, purpose);
  if (!updated) {
    progress('apt-get update');
    await runAsRoot(host, ['apt-get', 'update', '-q', ...OPTIONS], { rootEnv: QUIET, timeoutMs: UPDATE_MS });
    updated = true;
  }
  progress(`installing ${packages.join(', ')}`);
  const unguard = await keepServicesStill(host);
  try {
    const words = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...OPTIONS, ...packages];
    const { code, lines } = await runAsRoot(host, words, {
      rootEnv: QUIET,
      timeoutMs: INSTALL_MS,
      onLine: (line) => progress(line),
    });
    if (code !== 0)
      throw new Failure(
        `Installing ${packages.join(', ')} failed.`,
        [installCommand(packages), 'then run this again'],
        lines.slice(-8),
      );
  } finally {
    await unguard();
  }
}

/** @param {import('./host.mjs').Host} host */
export function cannotInstall(host, packages, purpose) {
  const by = host.debianLike
    ? [installCommand(packages)]
    : [`install with your package manager: ${packages.join(', ')}`];
  const why = host.debianLike
    ? 'this user has neither root nor sudo without a password'
    : 'only Debian and Ubuntu packages are installed by themselves';
  return new Failure(`${purpose} needs ${packages.join(', ')}; ${why}.`, [...by, 'then run this again']);
}

/** A package's install script asks policy-rc.d before it starts a service; 101 means "not allowed". */
async function keepServicesStill(host) {
  if (existsSync(POLICY)) return async () => {};
  const script = `printf '#!/bin/sh\\nexit 101\\n' > ${POLICY} && chmod 755 ${POLICY}`;
  const guard = defer(() => runAsRoot(host, ['rm', '-f', POLICY]));
  await runAsRoot(host, ['sh', '-c', script]);
  return guard.now;
}
