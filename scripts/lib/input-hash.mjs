/** What a build reads, as one hash. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { sorted } from './arrays.mjs';

/**
 * @param {string} root
 * @param {string[]} inputs files and folders below it; tests of units are left out
 * @returns {string} a hash of names and contents
 */
export function hashOf(root, inputs) {
  const hash = createHash('sha256');
  for (const file of inputs.flatMap((name) => filesUnder(join(root, name)))) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesUnder(path) {
  if (!existsSync(path)) return [];
  const entries = readdirOrFile(path);
  if (!entries) return [path];
  const names = entries.map((entry) => entry.name).filter((name) => !name.endsWith('.spec.ts'));
  return sorted(names).flatMap((name) => filesUnder(join(path, name)));
}

function readdirOrFile(path) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}
