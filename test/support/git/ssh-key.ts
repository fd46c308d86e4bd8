import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireTool } from '../api/tool.js';
import { runOrThrow } from './run.js';

export interface SshKeyOptions {
  type?: 'ed25519' | 'ecdsa' | 'rsa';
  /** The file's name; `id_<type>` by default. */
  name?: string;
  comment?: string;
  /** Encrypts the private key. */
  passphrase?: string;
}

export interface SshKey {
  /** Readable by its owner only (0600); the public half lies beside it as `.pub`. */
  privateKeyPath: string;
  /** One line, as in `authorized_keys`. */
  publicKey: string;
}

/** Makes a key pair in a folder, which is made (0700) if it is not there. */
export async function createSshKey(dir: string, options: SshKeyOptions = {}): Promise<SshKey> {
  const { type = 'ed25519', comment = 'devforge-test', passphrase = '' } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const privateKeyPath = join(dir, options.name ?? `id_${type}`);
  const keygen = requireTool('ssh-keygen', 'openssh-client');
  await runOrThrow(keygen, ['-q', '-t', type, '-C', comment, '-N', passphrase, '-f', privateKeyPath]);
  await chmod(privateKeyPath, 0o600);
  return { privateKeyPath, publicKey: (await readFile(`${privateKeyPath}.pub`, 'utf8')).trim() };
}
