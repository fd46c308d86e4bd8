import { Injectable } from '@nestjs/common';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { CredentialRow, SealedValue } from '../persistence/credentials/credentials.repository.js';
import { type SecretKey, SecretKeys } from './secret-keys.js';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a value belongs to. It is authenticated with the value, so that no value serves in the place of another one. */
export type CredentialIdentity = Pick<
  CredentialRow,
  'id' | 'kind' | 'projectId' | 'userId' | 'host' | 'username' | 'header'
>;

/** The key is not among those of this server, or the row has been changed. The message has nothing of the value. */
export class UnreadableCredentialError extends Error {}

/** Encrypts the values of credentials for the database: AES-256-GCM with a random nonce. */
@Injectable()
export class CredentialCipher {
  constructor(private readonly keys: SecretKeys) {}

  get currentKeyId(): string {
    return this.keys.current.id;
  }

  seal(identity: CredentialIdentity, value: string): SealedValue {
    const key = this.keys.current;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key.bytes, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associatedData(identity, key));
    const ciphertext = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
    return { keyId: key.id, sealed: Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]) };
  }

  /** @throws UnreadableCredentialError */
  open(row: CredentialIdentity & SealedValue): string {
    const key = this.keys.find(row.keyId);
    if (key === undefined)
      throw new UnreadableCredentialError(
        `The credential "${row.id}" is encrypted with the key ${row.keyId}, which is not in SECRETS_KEY.`,
      );
    const content = row.sealed.subarray(NONCE_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv(ALGORITHM, key.bytes, row.sealed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(associatedData(row, key));
      decipher.setAuthTag(row.sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(content), decipher.final()]).toString('utf8');
    } catch (error) {
      throw new UnreadableCredentialError(`The credential "${row.id}" was changed in the database.`, { cause: error });
    }
  }
}

function associatedData(
  { id, kind, projectId, userId, host, username, header }: CredentialIdentity,
  key: SecretKey,
): Buffer {
  return Buffer.from(
    JSON.stringify(['devforge credential', key.id, id, kind, projectId, userId, host, username, header]),
  );
}
