/** Facts about this machine: distribution, rights of the user, init system. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseEnvFile } from './env-file.mjs';
import { hostEnv, run, which } from './exec.mjs';

/**
 * @typedef {object} Host
 * @property {string} platform `process.platform`
 * @property {string} distribution ID of os-release, or ''
 * @property {boolean} debianLike whether apt installs packages here
 * @property {'root' | 'sudo' | 'none'} rights root, sudo without a password, or neither
 * @property {boolean} systemd whether systemd runs this machine
 */

/** @returns {Host} */
export function hostFacts() {
  const release = existsSync('/etc/os-release') ? parseEnvFile(readFileSync('/etc/os-release', 'utf8')) : {};
  return {
    platform: process.platform,
    ...distributionFacts(release, Boolean(which('apt-get'))),
    rights: rights(),
    systemd: existsSync('/run/systemd/system'),
  };
}

/** @param {Record<string, string>} release fields of os-release */
export function distributionFacts(release, hasApt) {
  const family = [release.ID ?? '', ...(release.ID_LIKE ?? '').split(/\s+/)];
  return {
    distribution: release.ID ?? '',
    debianLike: hasApt && family.some((id) => id === 'debian' || id === 'ubuntu'),
  };
}

function rights() {
  if (process.getuid?.() === 0) return 'root';
  const sudo = which('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore', env: hostEnv() }).status === 0;
  return sudo ? 'sudo' : 'none';
}

export const canInstall = (host) => host.debianLike && host.rights !== 'none';

/** The argv of a command with root's rights; `env` entries are passed through sudo. */
export function asRoot(host, words, env = {}) {
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const command = assignments.length > 0 ? ['env', ...assignments, ...words] : words;
  return host.rights === 'sudo' ? ['sudo', '-n', ...command] : command;
}

/**
 * @param {Host} host
 * @param {string[]} words
 * @param {import('./exec.mjs').RunOptions & { rootEnv?: Record<string, string> }} options
 * @returns {Promise<{ code: number, lines: string[] }>}
 */
export function runAsRoot(host, words, { rootEnv = {}, ...options } = {}) {
  const [program = '', ...args] = asRoot(host, words, rootEnv);
  return run(program, args, { ...options, viaSudo: host.rights === 'sudo' });
}
