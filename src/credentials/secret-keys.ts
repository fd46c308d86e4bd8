import { Injectable } from '@nestjs/common';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { readSecret, storedSecret } from '../common/generated-secret.js';
import { IdGenerator } from '../common/id-generator.js';
import { decodeSecretKey } from '../common/secret-key-text.js';
import { Settings } from '../config/settings.js';

const FILE = 'secrets-key';
const ID_LENGTH = 16;

export interface SecretKey {
  /** Derived from the key, so that it is the same wherever the key is. */
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * The keys that credentials are encrypted with: those of `SECRETS_KEY`, or one that is generated at the first start and kept
 * in the data directory. A generated key goes on decrypting after `SECRETS_KEY` is set.
 */
@Injectable()
export class SecretKeys {
  /** Encrypts. */
  readonly current: SecretKey;
  private readonly byId: ReadonlyMap<string, SecretKey>;

  constructor(settings: Settings, ids: IdGenerator, @InjectPinoLogger(SecretKeys.name) logger: PinoLogger) {
    const file = join(settings.dataDir, FILE);
    const keys = settings.secretsKeys.map(keyOf);
    if (keys.length === 0) {
      keys.push(keyOf(decoded(file, storedSecret(file, ids))));
      logger.info({ file }, 'The key that credentials are encrypted with is in this file');
    } else if (existsSync(file)) keys.push(keyOf(decoded(file, readSecret(file))));
    this.current = keys[0]!;
    this.byId = new Map(keys.map((key) => [key.id, key]));
  }

  /** @returns undefined for a key that this server does not have */
  find(id: string): SecretKey | undefined {
    return this.byId.get(id);
  }
}

function keyOf(bytes: Buffer): SecretKey {
  const id = createHmac('sha256', bytes).update('devforge key id').digest('hex').slice(0, ID_LENGTH);
  return { id, bytes };
}

function decoded(file: string, text: string): Buffer {
  try {
    return decodeSecretKey(text);
  } catch (error) {
    throw new Error(`${file} ${(error as Error).message}.`, { cause: error });
  }
}
