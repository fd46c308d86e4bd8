import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { IdGenerator } from './id-generator.js';

const SECRET_BYTES = 32;

/**
 * The text of a file with a secret that only its owner can read. It is generated at the first start: 32 random bytes in
 * base64url.
 * @throws Error when the file is empty
 */
export function storedSecret(file: string, ids: IdGenerator): string {
  if (!existsSync(file)) generate(file, ids);
  return readSecret(file);
}

/** @throws Error when the file is empty */
export function readSecret(file: string): string {
  chmodSync(file, 0o600);
  const secret = readFileSync(file, 'utf8').trim();
  if (secret === '') throw new Error(`${file} is empty: remove the file, and DevForge generates another.`);
  return secret;
}

/** Writes a temporary file and links it, so that no other process reads a partial secret. */
function generate(file: string, ids: IdGenerator): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${ids.next()}`;
  try {
    writeFileSync(temporary, `${ids.secret(SECRET_BYTES)}\n`, { mode: 0o600, flag: 'wx' });
    linkSync(temporary, file);
  } catch (error) {
    // Another process that started at the same time has generated it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}
