import { Injectable } from '@nestjs/common';
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { Settings } from '../config/settings.js';
import { isPublicKey, readPrivateKey } from './private-key.js';

const MAX_KEY_BYTES = 65_536;
const OTHERS = 0o077;
/** One message for every problem with the path, so that it reveals nothing about other files. */
const MESSAGE = 'sshKeyPath must name a private key inside SSH_KEYS_DIR that only its owner can read';

/** Access to the private keys on the server that containers may use for Git. */
@Injectable()
export class SshKeys {
  constructor(private readonly settings: Settings) {}

  /** @throws DomainError `ssh_key_not_usable` */
  async assertUsable(path: string): Promise<void> {
    await this.read(path);
  }

  /**
   * @returns the key, which must go to the Git agent only
   * @throws DomainError `ssh_key_not_usable`, with one message for every problem with the path, and what the file is when
   *   it is one inside the folder without a usable key
   */
  async read(path: string): Promise<Buffer> {
    const found = readPrivateKey(await this.file(path));
    if ('problem' in found) throw notUsable(`sshKeyPath ${found.problem}`);
    return found.key;
  }

  private async file(path: string): Promise<Buffer> {
    try {
      const folder = await realpath(this.settings.sshKeysDir);
      const file = await realpath(this.absolute(path));
      if (!file.startsWith(folder + sep)) throw new Error('outside');
      const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const stat = await handle.stat();
        if (!stat.isFile() || stat.size > MAX_KEY_BYTES) throw new Error('not a key');
        const content = await handle.readFile();
        if ((stat.mode & OTHERS) !== 0 && !isPublicKey(content)) throw new Error('not a private file');
        return content;
      } finally {
        await handle.close();
      }
    } catch {
      throw notUsable(MESSAGE);
    }
  }

  private absolute(path: string): string {
    if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
    return isAbsolute(path) ? path : resolve(this.settings.sshKeysDir, path);
  }
}

function notUsable(message: string): DomainError {
  return new DomainError('ssh_key_not_usable', message, { fields: [{ field: 'sshKeyPath', messages: [message] }] });
}
