import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { RandomIdGenerator } from '../common/id-generator.js';
import type { Settings } from '../config/settings.js';
import type { ApiKeyRow, ApiKeysRepository } from '../persistence/auth/api-keys.repository.js';
import { AdminToken } from './admin-token.js';
import { ApiKeyIdentities } from './api-keys/api-key-identities.js';
import { formatApiKey, hashOfSecret } from './api-keys/api-key-token.js';
import { Authenticator } from './authenticator.js';

const ID = 'a'.repeat(32);
const SECRET = 's'.repeat(43);
const KEY = formatApiKey({ id: ID, secret: SECRET });

let clock: FakeClock;
let keys: Map<string, ApiKeyRow>;
let reads: number;
let apiKeys: ApiKeyIdentities;
let authenticator: Authenticator;

beforeEach(() => {
  clock = new FakeClock();
  const row: ApiKeyRow = {
    id: ID,
    secretHash: hashOfSecret(SECRET),
    name: 'nightly',
    projectId: 'p',
    role: 'viewer',
    createdBy: 'admin',
    createdAt: clock.now(),
    expiresAt: null,
    lastUsedAt: null,
  };
  keys = new Map([[ID, row]]);
  reads = 0;
  const findById = async (id: string): Promise<ApiKeyRow | null> => {
    reads += 1;
    return keys.get(id) ?? null;
  };
  apiKeys = new ApiKeyIdentities({ findById } as unknown as ApiKeysRepository, clock);
  const token = new AdminToken({ token: 'the right one' } as Settings, new RandomIdGenerator(), quietLogger());
  authenticator = new Authenticator(token, apiKeys);
});

const bearer = (token: unknown): ReturnType<Authenticator['authenticate']> =>
  authenticator.authenticate({ by: 'bearer', token });

describe('Authenticator', () => {
  it('recognises the administrator token', async () => {
    await expect(bearer('the right one')).resolves.toMatchObject({ kind: 'administrator', id: 'admin' });
    expect(reads).toBe(0);
  });

  it('recognises an API key, with its role in its project', async () => {
    const identity = await bearer(KEY);
    expect(identity).toMatchObject({ kind: 'service', name: 'nightly', credential: { kind: 'api_key', id: ID } });
    expect([...identity.roles]).toEqual([['p', 'viewer']]);
  });

  it.each([
    'the wrong one',
    '',
    undefined,
    null,
    7,
    ['the right one'],
    formatApiKey({ id: ID, secret: 't'.repeat(43) }),
    formatApiKey({ id: 'b'.repeat(32), secret: SECRET }),
    `${KEY}x`,
    KEY.toUpperCase(),
    `df_${SECRET}`,
  ])('refuses %p', async (token) => {
    await expect(bearer(token)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'Send the token as "Authorization: Bearer <token>".',
    });
  });

  it('tells a client of sockets where its token belongs', async () => {
    await expect(authenticator.authenticate({ by: 'handshake', token: 'x' })).rejects.toMatchObject({
      message: 'Send the token as auth.token in the handshake.',
    });
  });

  it('refuses an API key from the moment at which it expires', async () => {
    keys.set(ID, { ...keys.get(ID)!, expiresAt: new Date(clock.now().getTime() + 1_000) });
    await expect(bearer(KEY)).resolves.toBeDefined();
    await clock.advance(1_000);
    await expect(bearer(KEY)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('reads an API key once, and again after a change', async () => {
    for (let count = 0; count < 5; count += 1) await bearer(KEY);
    expect(reads).toBe(1);
    keys.delete(ID);
    apiKeys.forget();
    await expect(bearer(KEY)).rejects.toMatchObject({ code: 'unauthorized' });
    expect(reads).toBe(2);
  });

  it('does not keep what was read while a change arrived', async () => {
    const first = bearer(KEY);
    apiKeys.forget();
    await first;
    keys.delete(ID);
    await expect(bearer(KEY)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('knows when an API key was last used', async () => {
    await bearer(KEY);
    await clock.advance(500);
    await bearer(KEY);
    expect([...apiKeys.takeUses()]).toEqual([[ID, clock.now()]]);
    expect(apiKeys.takeUses().size).toBe(0);
  });
});
