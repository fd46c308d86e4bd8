/** Scratch directories for a root file system: on a mount that allows programs and devices, and always removed. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reversed, sorted } from './arrays.mjs';
import { runAsRoot } from './host.mjs';
import { defer } from './shutdown.mjs';

/** @returns {{ point: string, options: string[] }[]} from the text of /proc/mounts */
export function parseMounts(text) {
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length >= 4)
    .map((fields) => ({ point: fields[1].replaceAll('\\040', ' '), options: fields[3].split(',') }));
}

/** Whether the file system of `path` allows programs and devices. */
export function allowsDevices(path, mounts) {
  const holds = ({ point }) => path === point || path.startsWith(point === '/' ? '/' : `${point}/`);
  const mount = sorted(mounts.filter(holds), (a, b) => b.point.length - a.point.length)[0];
  return !mount?.options.some((option) => option === 'noexec' || option === 'nodev');
}

/** @returns {{ path: string, remove: () => Promise<void> }} removed by `remove`, or when the script ends early */
export function scratchDirectory(host, candidates = ['/var/tmp', tmpdir()]) {
  const mounts = parseMounts(readFileSync('/proc/mounts', 'utf8'));
  const parent = candidates.find((path) => allowsDevices(path, mounts)) ?? candidates[0];
  const path = mkdtempSync(join(parent, 'devforge-base-'));
  return { path, remove: defer(() => removeTree(host, path)).now };
}

/** A killed debootstrap leaves proc mounted inside: it is unmounted first, so that nothing outside the tree is removed. */
async function removeTree(host, path) {
  const inside = parseMounts(readFileSync('/proc/mounts', 'utf8')).filter(({ point }) => point.startsWith(`${path}/`));
  for (const { point } of reversed(inside)) await runAsRoot(host, ['umount', '-l', point]);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const { code } = await runAsRoot(host, ['rm', '-rf', '--one-file-system', path]);
    if (code === 0) return;
  }
}
