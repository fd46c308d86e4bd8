import { Injectable } from '@nestjs/common';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { IdGenerator } from '../common/id-generator.js';
import { Settings } from '../config/settings.js';

const FILE = 'admin-token';
const TOKEN_BYTES = 32;

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
  if (!existsSync(file)) generateToken(dataDir, file, ids);
  chmodSync(file, 0o600);
  const token = readFileSync(file, 'utf8').trim();
  if (token === '')
    throw new Error(`The administrator token in ${file} is empty: remove the file, and DevForge generates another.`);
  logger.info({ file }, 'The administrator token is in this file');
  return token;
}

/** Writes a temporary file and links it, so that no other process reads a partial token. */
function generateToken(dataDir: string, file: string, ids: IdGenerator): void {
  mkdirSync(dataDir, { recursive: true });
  const temporary = `${file}.${ids.next()}`;
  try {
    writeFileSync(temporary, `${ids.secret(TOKEN_BYTES)}\n`, { mode: 0o600, flag: 'wx' });
    linkSync(temporary, file);
  } catch (error) {
    // Another process that started at the same time has generated it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
