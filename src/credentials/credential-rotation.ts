import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import {
  type CredentialRow,
  CredentialsRepository,
  type SealedValue,
} from '../persistence/credentials/credentials.repository.js';
import { CredentialCipher, UnreadableCredentialError } from './credential-cipher.js';

/** Of one transaction. */
const BATCH = 100;

/** Encrypts credentials anew at the start whose key is not the current one any more. */
@Injectable()
export class CredentialRotation implements OnApplicationBootstrap {
  constructor(
    private readonly credentials: CredentialsRepository,
    private readonly cipher: CredentialCipher,
    @InjectPinoLogger(CredentialRotation.name) private readonly logger: PinoLogger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const keyId = this.cipher.currentKeyId;
    const total = { resealed: 0, kept: 0 };
    for (let after: string | null = null; ;) {
      const page = await this.credentials.reseal(keyId, { after, limit: BATCH }, (row) => this.sealedAnew(row));
      total.resealed += page.resealed;
      total.kept += page.kept;
      if (page.last === null) break;
      after = page.last;
    }
    if (total.resealed > 0) this.logger.info({ keyId }, `${total.resealed} credentials were encrypted anew`);
    if (total.kept > 0)
      this.logger.error(
        `${total.kept} credentials cannot be decrypted: the keys that they were encrypted with are not in SECRETS_KEY`,
      );
  }

  /** @returns null for one whose key is unknown, so that it can be read again when its key is back */
  private sealedAnew(row: CredentialRow): SealedValue | null {
    try {
      return this.cipher.seal(row, this.cipher.open(row));
    } catch (error) {
      if (error instanceof UnreadableCredentialError) return null;
      throw error;
    }
  }
}
