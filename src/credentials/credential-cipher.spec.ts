import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { cipherWith, CredentialsHarness } from '../../test/support/credentials/fake-credentials.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { UnreadableCredentialError } from './credential-cipher.js';
import { CredentialRotation } from './credential-rotation.js';

const CANARY = 'sk-ant-canary-4711';

describe('CredentialCipher', () => {
  const harness = new CredentialsHarness();
  const row = harness.add({}, CANARY);

  it('decrypts what it has encrypted, differently each time, with the id of its key', () => {
    expect(harness.cipher.open(row)).toBe(CANARY);
    expect(row.keyId).toBe(harness.cipher.currentKeyId);
    expect(row.sealed.includes(CANARY)).toBe(false);
    expect(harness.cipher.seal(row, CANARY).sealed).not.toEqual(harness.cipher.seal(row, CANARY).sealed);
  });

  it.each<[string, object]>([
    ['another credential', { id: '00000000-0000-4000-8000-000000000002' }],
    ['another kind', { kind: 'http_header' }],
    ['another project', { projectId: '00000000-0000-4000-8000-000000000002' }],
    ['a user', { projectId: null, userId: '00000000-0000-4000-8000-000000000002' }],
    ['another host', { host: 'attacker.example' }],
    ['another header', { header: 'X-Other' }],
    ['another user name', { username: 'x' }],
    ['a changed ciphertext', { sealed: Buffer.concat([row.sealed.subarray(0, -1), Buffer.from([0, 1])]) }],
    ['a ciphertext that is cut off', { sealed: row.sealed.subarray(0, 20) }],
    ['nothing', { sealed: Buffer.alloc(0) }],
  ])('refuses a value in the place of %s, and tells nothing of it', (_what, change) => {
    expect(() => harness.cipher.open({ ...row, ...change })).toThrow(UnreadableCredentialError);
    expect(() => harness.cipher.open({ ...row, ...change })).not.toThrow(CANARY);
  });

  it('names a key that it does not have', () => {
    expect(() => cipherWith(randomBytes(32)).open(row)).toThrow(
      `is encrypted with the key ${row.keyId}, which is not in SECRETS_KEY`,
    );
  });
});

describe('CredentialRotation', () => {
  it('encrypts every value anew with the first key, page by page, and leaves alone what it cannot read', async () => {
    const [old, current] = [randomBytes(32), randomBytes(32)];
    const harness = new CredentialsHarness();
    const unknown = harness.add({}, 'of a lost key');
    const before = cipherWith(old);
    for (let index = 0; index < 250; index += 1) {
      const row = harness.add();
      harness.repository.rows.set(row.id, { ...row, ...before.seal(row, `value ${index}`) });
    }
    const cipher = cipherWith(current, old);
    const logger = quietLogger();
    const rotation = new CredentialRotation(harness.repository, cipher, logger);
    await rotation.onApplicationBootstrap();
    const rows = [...harness.repository.rows.values()].filter(({ id }) => id !== unknown.id);
    expect(new Set(rows.map(({ keyId }) => keyId))).toEqual(new Set([cipher.currentKeyId]));
    expect(rows.map((row) => cipherWith(current).open(row))).toEqual(rows.map((_, index) => `value ${index}`));
    expect(harness.repository.rows.get(unknown.id)).toEqual(unknown);
    expect(logger.lines).toEqual([
      { level: 'info', message: '250 credentials were encrypted anew' },
      { level: 'error', message: expect.stringMatching(/^1 credentials cannot be decrypted: /) },
    ]);
    // The second start has nothing to do.
    await new CredentialRotation(harness.repository, cipher, quietLogger()).onApplicationBootstrap();
    expect([...harness.repository.rows.values()].filter(({ id }) => id !== unknown.id)).toEqual(rows);
  });
});
