import { Injectable } from '@nestjs/common';
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import { Settings } from '../config/settings.js';

const LARGEST_KEY_BYTES = 65_536;
const OTHERS = 0o077;
/** One message for every fault, so that it tells nothing about other files. */
const MESSAGE = 'sshKeyPath must name a private key inside SSH_KEYS_DIR that only its owner can read';

/** Private keys on the server that clones may use. */
@Injectable()
export class SshKeys {
  constructor(private readonly settings: Settings) {}

  /** @throws DomainError `ssh_key_not_usable` with the same message whatever is wrong */
  async assertUsable(path: string): Promise<void> {
    await this.read(path);
  }

  /**
   * @returns the key itself; it goes to the agent and nowhere else
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
        if (!stat.isFile() || (stat.mode & OTHERS) !== 0 || stat.size > LARGEST_KEY_BYTES)
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
