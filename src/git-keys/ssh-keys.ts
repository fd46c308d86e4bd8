import { Injectable } from '@nestjs/common';
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { Settings } from '../config/settings.js';

const MAX_KEY_BYTES = 65_536;
const OTHERS = 0o077;
/** One message for every problem, so that it reveals nothing about other files. */
const MESSAGE = 'sshKeyPath must name a private key inside SSH_KEYS_DIR that only its owner can read';

/** Access to the private keys on the server that containers may use for Git. */
@Injectable()
export class SshKeys {
  constructor(private readonly settings: Settings) {}

  /** @throws DomainError `ssh_key_not_usable`, with one message for every problem */
  async assertUsable(path: string): Promise<void> {
    await this.read(path);
  }

  /**
   * @returns the key, which must go to the Git agent only
   * @throws DomainError `ssh_key_not_usable`
   */
  async read(path: string): Promise<Buffer> {
    try {
      const folder = await realpath(this.settings.sshKeysDir);
      const file = await realpath(this.absolute(path));
      if (!file.startsWith(folder + sep)) throw new Error('outside');
      const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const stat = await handle.stat();
        if (!stat.isFile() || (stat.mode & OTHERS) !== 0 || stat.size > MAX_KEY_BYTES)
          throw new Error('not a private file');
        return await handle.readFile();
      } finally {
        await handle.close();
      }
    } catch {
      throw new DomainError('ssh_key_not_usable', MESSAGE, { fields: [{ field: 'sshKeyPath', messages: [MESSAGE] }] });
    }
  }

  private absolute(path: string): string {
    if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
    return isAbsolute(path) ? path : resolve(this.settings.sshKeysDir, path);
  }
}
