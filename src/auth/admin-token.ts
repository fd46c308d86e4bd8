import { Injectable } from '@nestjs/common';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { IdGenerator } from '../common/id-generator.js';
import { Settings } from '../config/settings.js';

const FILE = 'admin-token';
const TOKEN_BYTES = 32;

/** The first administrator's token: `DEVFORGE_TOKEN`, or one made at the first start and kept in the data folder. */
@Injectable()
export class AdminToken {
  private readonly digest: Buffer;

  constructor(settings: Settings, ids: IdGenerator, @InjectPinoLogger(AdminToken.name) logger: PinoLogger) {
    this.digest = sha256(settings.token ?? keptToken(settings.dataDir, ids, logger));
  }

  /** Takes the same time whatever the candidate shares with the token. */
  matches(candidate: string): boolean {
    return timingSafeEqual(sha256(candidate), this.digest);
  }

  /** A key for one purpose, the same in every process that has the same token. */
  deriveKey(purpose: string): Buffer {
    return createHmac('sha256', this.digest).update(purpose).digest();
  }
}

function keptToken(dataDir: string, ids: IdGenerator, logger: PinoLogger): string {
  const file = join(dataDir, FILE);
  if (!existsSync(file)) makeToken(dataDir, file, ids);
  chmodSync(file, 0o600);
  const token = readFileSync(file, 'utf8').trim();
  if (token === '')
    throw new Error(`The administrator token in ${file} is empty: remove the file, and DevForge makes another.`);
  logger.info({ file }, 'The administrator token is in this file');
  return token;
}

/** Written aside and then given its name, so that nobody ever reads half of it. */
function makeToken(dataDir: string, file: string, ids: IdGenerator): void {
  mkdirSync(dataDir, { recursive: true });
  const draft = `${file}.${ids.next()}`;
  try {
    writeFileSync(draft, `${ids.secret(TOKEN_BYTES)}\n`, { mode: 0o600, flag: 'wx' });
    linkSync(draft, file);
  } catch (error) {
    // Another process that starts at the same time was first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
