import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { AUTHORITY_CERTIFICATE } from '../git/certificate.js';

/**
 * What servers under test are given as `EXTRA_CA_CERTS`: the authorities of this machine's network, then the one of
 * the test git servers. The same on every run, since the workspace images are built anew when it changes.
 */
export async function testBundle(env = process.env): Promise<string> {
  const ofMachine = env['EXTRA_CA_CERTS'] ?? env['NODE_EXTRA_CA_CERTS'];
  const files = [ofMachine, AUTHORITY_CERTIFICATE].filter((file) => file !== undefined && existsSync(file)) as string[];
  const parts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return parts.map((part) => `${part.trimEnd()}\n`).join('');
}
