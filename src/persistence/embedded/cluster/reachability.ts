import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ServerIdentity } from './system-user.js';

/** Permission bits of one class (owner, group or others) of a file mode. */
export const READ = 4;
export const EXECUTE = 1;

export interface OwnedMode {
  mode: number;
  uid: number;
  gid: number;
}

/** Whether the mode grants all of `wanted`. As in the kernel, the first matching class decides. */
export function permits(entry: OwnedMode, identity: ServerIdentity, wanted: number): boolean {
  if (identity.uid === 0) return true;
  const shift = entry.uid === identity.uid ? 6 : entry.gid === identity.gid ? 3 : 0;
  return ((entry.mode >> shift) & wanted) === wanted;
}

/** All directories from the root to `absolute`, inclusive. */
export function ancestry(absolute: string): string[] {
  const parent = path.dirname(absolute);
  return parent === absolute ? [absolute] : [...ancestry(parent), absolute];
}

/**
 * The first directory or file on the path to `target` that a user cannot access, by its mode bits. Modes are never
 * changed, since they express the intention of the owner.
 *
 * @param wanted what the user needs on `target` itself; a directory needs `EXECUTE` to be passed through
 * @returns `undefined` when everything is accessible
 */
export async function firstInaccessiblePath(
  target: string,
  identity: ServerIdentity,
  wanted: number = EXECUTE,
): Promise<string | undefined> {
  const real = await realpath(target);
  for (const step of ancestry(real)) {
    if (!permits(await stat(step), identity, step === real ? wanted : EXECUTE)) return step;
  }
  return undefined;
}
