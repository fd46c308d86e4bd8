import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import type { Settings } from '../../config/settings.js';
import type { SessionRow, SessionsRepository } from '../../persistence/auth/users/sessions.repository.js';
import { formatSecretToken, hashOfSecret } from '../credentials/secret-token.js';
import type { AdminToken } from '../admin-token.js';
import type { ApiKeyIdentities } from '../api-keys/api-key-identities.js';
import type { Identity } from '../principal.js';
import type { UserDirectory, UserRoles } from '../users/user-directory.js';
import { SessionAuthenticator } from './session-authenticator.js';
import { SessionCookie } from './session-cookie.js';
import { SessionIdentities } from './session-identities.js';
import { adminKeyOf } from './session-owners.js';
import { csrfTokenOf } from './csrf-token.js';

const HOUR_MS = 3_600_000;
const TOKEN = { id: 'a'.repeat(32), secret: 's'.repeat(43) };
const OTHER = { id: 'b'.repeat(32), secret: 't'.repeat(43) };
const SETTINGS = {
  publicUrl: 'https://devforge.example.org',
  editorDomain: 'dev.example.org',
  sessions: { idleMs: HOUR_MS, lifetimeMs: 10 * HOUR_MS },
} as Settings;

let clock: FakeClock;
let rows: Map<string, SessionRow>;
let user: UserRoles | null;
let reads: number;
let stored: Map<string, Date>[];
let adminKey: string;
let keyOf: (Identity & { credential: { kind: 'api_key'; id: string } }) | null;
let identities: SessionIdentities;

function authenticatorWith(settings: Settings): SessionAuthenticator {
  return new SessionAuthenticator(new SessionCookie(settings), identities, settings);
}

beforeEach(() => {
  clock = new FakeClock();
  const row = ({ id, secret }: typeof TOKEN): SessionRow => ({
    id,
    secretHash: hashOfSecret(secret),
    userId: 'u',
    apiKeyId: null,
    adminKey: null,
    address: '',
    userAgent: '',
    createdAt: clock.now(),
    lastUsedAt: clock.now(),
    expiresAt: new Date(clock.now().getTime() + 10 * HOUR_MS),
  });
  rows = new Map([TOKEN, OTHER].map((token) => [token.id, row(token)]));
  user = { id: 'u', name: 'Ada', role: 'user', projects: new Map([['p', 'member']]) };
  [reads, stored] = [0, []];
  const sessions = {
    findById: async (id: string) => rows.get(id) ?? null,
    findByIds: async (ids: string[]) => {
      reads += 1;
      return ids.flatMap((id) => rows.get(id) ?? []);
    },
    noteUsed: async (times: Map<string, Date>) => void stored.push(times),
  } as unknown as SessionsRepository;
  adminKey = 'key of the administrator';
  const users = { find: async () => user } as unknown as UserDirectory;
  const apiKeys = {
    byId: async (id: string) => (id === keyOf?.credential.id ? keyOf : null),
  } as unknown as ApiKeyIdentities;
  const adminToken = { deriveKey: () => Buffer.from(adminKey) } as unknown as AdminToken;
  identities = new SessionIdentities(sessions, users, apiKeys, adminToken, SETTINGS, clock);
});

const cookieOf = (...tokens: (typeof TOKEN)[]): string =>
  tokens.map((token) => `__Host-devforge_session=${formatSecretToken(token)}`).join('; ');
const ask = (headers: Record<string, string> = {}, method = 'GET', settings = SETTINGS) =>
  authenticatorWith(settings).authenticate({
    method,
    headers: { host: 'devforge.example.org', cookie: cookieOf(TOKEN), ...headers },
  });

describe('SessionAuthenticator', () => {
  it('recognises the user of a session by its cookie', async () => {
    await expect(ask({ cookie: `x=y; ${cookieOf(TOKEN)}; z=` })).resolves.toMatchObject({
      kind: 'user',
      userId: 'u',
      credential: { kind: 'session', id: TOKEN.id },
    });
  });

  it.each([
    ['a wrong secret', { cookie: cookieOf({ ...TOKEN, secret: OTHER.secret }) }],
    ['an unknown id', { cookie: cookieOf({ ...TOKEN, id: 'c'.repeat(32) }) }],
    ['anything else', { cookie: '__Host-devforge_session=x' }],
    ['a cookie that any host of the domain can set', { cookie: cookieOf(TOKEN).replace('__Host-', '') }],
    ['two valid sessions at once', { cookie: cookieOf(TOKEN, OTHER) }],
    ['another host', { host: 'devforge.evil.example' }],
    ['a page of a workspace', { origin: 'https://web.dev.example.org' }],
    ['a page without an origin', { origin: 'null' }],
    ['a page of another host of the domain, without Origin', { 'sec-fetch-site': 'same-site' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
  ] as [string, Record<string, string>][])('takes no session from %s', async (_, headers) => {
    await expect(ask(headers)).resolves.toBeNull();
  });

  it('takes the only valid session when another host has set a cookie of the same name', async () => {
    const wrong = cookieOf({ id: 'c'.repeat(32), secret: OTHER.secret });
    await expect(ask({ cookie: `${wrong}; ${cookieOf(TOKEN)}` })).resolves.toMatchObject({ userId: 'u' });
  });

  it('takes no session where VS Code shares the origin of DevForge', async () => {
    await expect(ask({}, 'GET', { ...SETTINGS, editorDomain: null })).resolves.toBeNull();
    const shared = authenticatorWith({ ...SETTINGS, editorDomain: null });
    expect(() => shared.requireAvailable('devforge.example.org')).toThrow('EDITOR_DOMAIN');
    expect(() => authenticatorWith(SETTINGS).requireAvailable('10.0.0.1')).toThrow('https://devforge.example.org');
    expect(() => authenticatorWith(SETTINGS).requireAvailable('DevForge.example.org')).not.toThrow();
  });

  it('recognises the administrator by a session of the token, until there is another token', async () => {
    const own = adminKeyOf({ deriveKey: () => Buffer.from(adminKey) } as unknown as AdminToken);
    Object.assign(rows.get(TOKEN.id)!, { userId: null, adminKey: own });
    await expect(ask()).resolves.toMatchObject({
      kind: 'administrator',
      credential: { kind: 'session', id: TOKEN.id },
    });
    adminKey = 'key of another token';
    await expect(ask()).resolves.toBeNull();
  });

  it('recognises whom the API key of a session belongs to, as long as there is the key', async () => {
    const credential = { kind: 'api_key', id: 'k' } as const;
    keyOf = { kind: 'service', id: 'key:k', name: 'ci', roles: new Map([['p', 'viewer']]), credential };
    Object.assign(rows.get(TOKEN.id)!, { userId: null, apiKeyId: 'k' });
    await expect(ask()).resolves.toMatchObject({ id: 'key:k', credential: { kind: 'session', id: TOKEN.id } });
    keyOf = null;
    await expect(ask()).resolves.toBeNull();
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('needs the CSRF token for %s', async (method) => {
    const own = { origin: 'https://devforge.example.org' };
    await expect(ask(own, method)).rejects.toMatchObject({ code: 'csrf_token_invalid' });
    for (const wrong of ['', csrfTokenOf(OTHER)])
      await expect(ask({ ...own, 'x-csrf-token': wrong }, method)).rejects.toMatchObject({
        code: 'csrf_token_invalid',
      });
    await expect(ask({ ...own, 'x-csrf-token': csrfTokenOf(TOKEN) }, method)).resolves.toMatchObject({ userId: 'u' });
  });

  it('needs none for what changes nothing, nor for the handshake of a socket of its own pages', async () => {
    for (const method of ['GET', 'HEAD', 'SOCKET']) await expect(ask({}, method)).resolves.not.toBeNull();
    await expect(ask({ origin: 'https://web.dev.example.org' }, 'SOCKET')).resolves.toBeNull();
  });

  it('ends with the user, after an hour without use, and ten hours after the sign-in', async () => {
    user = null;
    await expect(ask()).resolves.toBeNull();
    user = { id: 'u', name: 'Ada', role: 'admin', projects: new Map() };
    for (let hour = 0; hour < 19; hour += 1) {
      await expect(ask()).resolves.toMatchObject({ kind: 'administrator' });
      await clock.advance(HOUR_MS / 2);
    }
    await clock.advance(HOUR_MS / 2);
    await expect(ask()).resolves.toBeNull();
    identities.forget();
    rows.set(OTHER.id, { ...rows.get(OTHER.id)!, lastUsedAt: clock.now(), expiresAt: new Date(8.64e14) });
    await expect(ask({ cookie: cookieOf(OTHER) })).resolves.not.toBeNull();
    await clock.advance(HOUR_MS);
    rows.get(OTHER.id)!.lastUsedAt = new Date(clock.now().getTime() - HOUR_MS);
    await expect(ask({ cookie: cookieOf(OTHER) })).resolves.toBeNull();
  });

  it('reads a session once while nothing changes, and stores its use every half minute at most', async () => {
    for (let count = 0; count < 5; count += 1) await ask();
    await identities.storeUses();
    expect([reads, stored]).toEqual([1, []]);
    await clock.advance(30_000);
    for (let count = 0; count < 5; count += 1) await ask();
    await identities.storeUses();
    await identities.storeUses();
    expect(stored).toEqual([new Map([[TOKEN.id, clock.now()]])]);
  });
});

describe('SessionCookie', () => {
  it('is of its own host alone, hidden from scripts, and only for TLS where there is TLS', () => {
    expect(new SessionCookie(SETTINGS).issue('v', 60)).toBe(
      '__Host-devforge_session=v; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure',
    );
    const plain = new SessionCookie({ ...SETTINGS, publicUrl: 'http://localhost:3000' });
    expect(plain.issue('v', 60)).toBe('devforge_session=v; Max-Age=60; Path=/; HttpOnly; SameSite=Lax');
    expect(plain.clear()).toContain('devforge_session=; Max-Age=0; Path=/');
  });
});
