import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { RandomIdGenerator } from '../common/id-generator.js';
import type { Settings } from '../config/settings.js';
import type { ApiKeyRow, ApiKeysRepository } from '../persistence/auth/api-keys.repository.js';
import { AdminToken } from './admin-token.js';
import { ApiKeyIdentities } from './api-keys/api-key-identities.js';
import { formatApiKey } from './api-keys/api-key-token.js';
import { hashOfSecret } from './credentials/secret-token.js';
import { Authenticator } from './authenticator.js';
import type { Identity } from './principal.js';
import type { SessionIdentities } from './sessions/session-identities.js';
import type { SessionAuthenticator } from './sessions/session-authenticator.js';
import type { UserDirectory, UserRoles } from './users/user-directory.js';

const ID = 'a'.repeat(32);
const SECRET = 's'.repeat(43);
const KEY = formatApiKey({ id: ID, secret: SECRET });

let clock: FakeClock;
let keys: Map<string, ApiKeyRow>;
let reads: number;
let user: UserRoles | null;
let noted: Map<string, Date>[];
let session: Identity | null;
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
    userId: null,
    createdBy: 'admin',
    createdAt: clock.now(),
    expiresAt: null,
    lastUsedAt: null,
  };
  keys = new Map([[ID, row]]);
  reads = 0;
  const findByIds = async (ids: string[]): Promise<ApiKeyRow[]> => {
    reads += 1;
    return ids.flatMap((id) => keys.get(id) ?? []);
  };
  noted = [];
  const noteUsed = async (times: Map<string, Date>): Promise<void> => void noted.push(times);
  user = { id: 'u', name: 'Ada', role: 'user', projects: new Map([['p', 'owner']]) };
  session = null;
  apiKeys = new ApiKeyIdentities(
    { findByIds, noteUsed } as unknown as ApiKeysRepository,
    { find: async () => user } as unknown as UserDirectory,
    clock,
  );
  const token = new AdminToken({ token: 'the right one' } as Settings, new RandomIdGenerator(), quietLogger());
  const browsers = { authenticate: async () => session } as unknown as SessionAuthenticator;
  const sessions = { byId: async (id: string) => (id === 's' ? session : null) } as unknown as SessionIdentities;
  authenticator = new Authenticator(token, apiKeys, sessions, browsers);
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

  describe('with the key of a user', () => {
    beforeEach(() => {
      keys.set(ID, { ...keys.get(ID)!, projectId: null, role: null, userId: 'u' });
    });

    it('recognises the user, with the roles of the moment', async () => {
      await expect(bearer(KEY)).resolves.toMatchObject({ kind: 'user', id: 'u', userId: 'u', name: 'Ada' });
      user = { ...user!, projects: new Map([['q', 'viewer']]) };
      expect([...(await bearer(KEY)).roles]).toEqual([['q', 'viewer']]);
      user = { ...user, role: 'admin' };
      await expect(bearer(KEY)).resolves.toMatchObject({ kind: 'administrator', id: 'u' });
    });

    it('refuses it when the user is disabled', async () => {
      user = null;
      await expect(bearer(KEY)).rejects.toMatchObject({ code: 'unauthorized' });
    });
  });

  it('asks for the session of a cookie only without a token', async () => {
    session = { kind: 'user', id: 'u', name: 'Ada', roles: new Map(), credential: { kind: 'session', id: 's' } };
    const request = { method: 'GET', headers: { cookie: 'a=b' } };
    await expect(authenticator.authenticate({ by: 'bearer', token: undefined, request })).resolves.toBe(session);
    await expect(authenticator.authenticate({ by: 'bearer', token: 'wrong', request })).rejects.toMatchObject({
      code: 'unauthorized',
    });
    await expect(authenticator.authenticate({ by: 'bearer', token: KEY, request })).resolves.toMatchObject({
      kind: 'service',
    });
  });

  it.each(['', undefined, null, 7, ['the right one']])('says how to send a token when there is %p', async (token) => {
    await expect(bearer(token)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'Send the token as "Authorization: Bearer <token>".',
    });
    await expect(authenticator.authenticate({ by: 'handshake', token })).rejects.toMatchObject({
      message: 'Send the token as auth.token in the handshake.',
    });
  });

  it.each([
    'the wrong one',
    formatApiKey({ id: ID, secret: 't'.repeat(43) }),
    formatApiKey({ id: 'b'.repeat(32), secret: SECRET }),
    `${KEY}x`,
    KEY.toUpperCase(),
    `df_${SECRET}`,
  ])('says of the token %p that it is not valid, and not why', async (token) => {
    for (const by of ['bearer', 'handshake'] as const)
      await expect(authenticator.authenticate({ by, token })).rejects.toMatchObject({
        code: 'unauthorized',
        message: 'The token is not valid: it is unknown, revoked or expired.',
      });
  });

  it('finds whose credential it was that asked for a link', async () => {
    session = { kind: 'user', id: 'u', name: 'Ada', roles: new Map(), credential: { kind: 'session', id: 's' } };
    await expect(authenticator.identityOf({ kind: 'admin_token' })).resolves.toMatchObject({ kind: 'administrator' });
    await expect(authenticator.identityOf({ kind: 'api_key', id: ID })).resolves.toMatchObject({ kind: 'service' });
    await expect(authenticator.identityOf({ kind: 'session', id: 's' })).resolves.toBe(session);
    await expect(authenticator.identityOf({ kind: 'session', id: ID })).resolves.toBeNull();
    await expect(authenticator.identityOf({ kind: 'api_key', id: 's' })).resolves.toBeNull();
  });

  it('refuses an API key from the moment at which it expires', async () => {
    keys.set(ID, { ...keys.get(ID)!, expiresAt: new Date(clock.now().getTime() + 1_000) });
    await expect(bearer(KEY)).resolves.toBeDefined();
    await clock.advance(1_000);
    await expect(bearer(KEY)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'The token is not valid: it is unknown, revoked or expired.',
    });
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
    await apiKeys.storeUses();
    await apiKeys.storeUses();
    expect(noted).toEqual([new Map([[ID, clock.now()]])]);
  });
});
