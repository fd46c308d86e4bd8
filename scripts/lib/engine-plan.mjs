/** Decides, from facts alone, what has to be done about the Docker engine. */
import { installCommand } from './apt.mjs';
import { describeAddress, isLocalDefault } from './engine-address.mjs';
import { Failure } from './failure.mjs';
import { canInstall } from './host.mjs';

export const ENGINE_PACKAGES = ['docker.io', 'iptables', 'ca-certificates'];

/**
 * @typedef {object} EngineFacts
 * @property {import('./engine-address.mjs').EngineAddress} address
 * @property {'ok' | 'denied' | 'absent' | 'silent'} ping
 * @property {import('./host.mjs').Host} host
 * @property {boolean} hasDockerd
 * @property {boolean} hasIptables
 * @property {string} user
 */

/**
 * `packages` are installed first, then the engine is started by systemd or directly.
 * @param {EngineFacts} facts
 * @returns {{ action: 'none' } | { action: 'start', packages: string[], by: 'systemd' | 'direct' }}
 * @throws {Failure} with what to run, when it cannot be done automatically
 */
export function planEngine({ address, ping, host, hasDockerd, hasIptables, user }) {
  const where = describeAddress(address);
  if (address.kind === 'unsupported') {
    throw new Failure(`DOCKER_HOST=${where} is not understood.`, [
      'use unix:///path/to/docker.sock or tcp://host:port',
    ]);
  }
  if (ping === 'ok') return { action: 'none' };
  if (ping === 'denied') throw permissionDenied(address, user);
  if (!isLocalDefault(address)) {
    throw new Failure(`No Docker engine answers at ${where}.`, [
      'start that engine, or correct DOCKER_HOST / DOCKER_SOCKET_PATH, then run this again',
    ]);
  }
  if (host.platform !== 'linux') {
    throw new Failure(`No Docker engine answers at ${where}.`, [
      'start Docker Desktop (or set DOCKER_HOST to its socket), then run this again',
    ]);
  }
  const packages = hasDockerd ? (hasIptables ? [] : ['iptables']) : ENGINE_PACKAGES;
  if (packages.length > 0 && !canInstall(host)) throw notInstalled(host, packages);
  if (host.rights === 'none') {
    throw new Failure('The Docker engine is installed but not running, and starting it needs root.', [
      host.systemd ? 'sudo systemctl start docker' : 'sudo dockerd &',
      'then run this again',
    ]);
  }
  return { action: 'start', packages, by: host.systemd ? 'systemd' : 'direct' };
}

function notInstalled(host, packages) {
  if (host.debianLike) {
    return new Failure('The Docker engine is not complete on this machine, and this user may not install packages.', [
      installCommand(packages),
      'sudo usermod -aG docker $USER   # then log in again',
      'then run this again',
    ]);
  }
  return new Failure('The Docker engine is not installed; only on Debian and Ubuntu is it installed automatically.', [
    'install Docker Engine (with iptables) as its documentation describes, start it, then run this again',
  ]);
}

/**
 * Pid files of a crashed engine, which would prevent the next start: their process is gone or is another program.
 * @param {{ path: string, pid: number, program: string }[]} files
 * @param {(pid: number) => string | undefined} nameOf the name of the program that runs under a pid
 */
export const stalePidFiles = (files, nameOf) =>
  files.filter(({ pid, program }) => nameOf(pid) !== program).map(({ path }) => path);

/** @param {import('./engine-address.mjs').EngineAddress} address @param {string} user */
export const permissionDenied = (address, user) =>
  new Failure(`The Docker engine is there, but ${user} may not use ${describeAddress(address)}.`, [
    `sudo usermod -aG docker ${user}`,
    'log out and in again (or run: newgrp docker), then run this again',
  ]);
