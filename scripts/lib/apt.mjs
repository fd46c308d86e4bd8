/** Installs Debian and Ubuntu packages without starting their services. */
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

/** The command with which a person installs the same packages. */
export const installCommand = (packages) =>
  `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;

/**
 * Installs packages.
 * @param {import('./host.mjs').Host} host
 * @param {string[]} packages Debian package names
 * @param {{ purpose: string, progress: (text: string) => void }} options
 * @throws {Failure} with the command to run, when packages cannot be installed here
 */
export async function installPackages(host, packages, { purpose, progress }) {
  if (!canInstall(host)) throw cannotInstall(host, packages, purpose);
  if (!updated) {
    progress('apt-get update');
    await runAsRoot(host, ['apt-get', 'update', '-q', ...OPTIONS], { rootEnv: QUIET, timeoutMs: UPDATE_MS });
    updated = true;
  }
  progress(`installing ${packages.join(', ')}`);
  const allowServices = await keepServicesStopped(host);
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
    await allowServices();
  }
}

/** @param {import('./host.mjs').Host} host */
export function cannotInstall(host, packages, purpose) {
  const hints = host.debianLike
    ? [installCommand(packages)]
    : [`install with your package manager: ${packages.join(', ')}`];
  const reason = host.debianLike
    ? 'this user has neither root nor sudo without a password'
    : 'only on Debian and Ubuntu are packages installed automatically';
  return new Failure(`${purpose} needs ${packages.join(', ')}; ${reason}.`, [...hints, 'then run this again']);
}

/** A package's install script asks policy-rc.d before it starts a service; 101 means "not allowed". */
async function keepServicesStopped(host) {
  if (existsSync(POLICY)) return async () => {};
  const script = `printf '#!/bin/sh\\nexit 101\\n' > ${POLICY} && chmod 755 ${POLICY}`;
  const guard = defer(async () => {
    await runAsRoot(host, ['rm', '-f', POLICY]);
  });
  await runAsRoot(host, ['sh', '-c', script]);
  return guard.now;
}
