import { Injectable } from '@nestjs/common';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { storedSecret } from '../common/generated-secret.js';
import { IdGenerator } from '../common/id-generator.js';
import { Settings } from '../config/settings.js';

const FILE = 'admin-token';

/** The administrator's token: `DEVFORGE_TOKEN`, or one that is generated at the first start and kept in the data directory. */
@Injectable()
export class AdminToken {
  private readonly digest: Buffer;

  constructor(settings: Settings, ids: IdGenerator, @InjectPinoLogger(AdminToken.name) logger: PinoLogger) {
    this.digest = sha256(settings.token ?? storedToken(settings.dataDir, ids, logger));
  }

  /** Compares in constant time. */
  matches(candidate: string): boolean {
    return timingSafeEqual(sha256(candidate), this.digest);
  }

  /** A key for one purpose, the same in every process with the same token. */
  deriveKey(purpose: string): Buffer {
    return createHmac('sha256', this.digest).update(purpose).digest();
  }
}

function storedToken(dataDir: string, ids: IdGenerator, logger: PinoLogger): string {
  const file = join(dataDir, FILE);
  const token = storedSecret(file, ids);
  logger.info({ file }, 'The administrator token is in this file');
  return token;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
