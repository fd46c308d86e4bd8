/** Sessions of tokens, and the links that begin them, on a real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DrizzleApiKeysRepository } from '../../src/persistence/auth/drizzle-api-keys.repository.js';
import { DrizzleSessionLinksRepository } from '../../src/persistence/auth/users/drizzle-session-links.repository.js';
import { DrizzleSessionsRepository } from '../../src/persistence/auth/users/drizzle-sessions.repository.js';
import type { SessionOwner, SessionRow } from '../../src/persistence/auth/users/sessions.repository.js';
import { DEFAULT_PROJECT } from '../../src/persistence/types.js';
import { T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';

const later = (ms: number): Date => new Date(T0.getTime() + ms);
const newId = (): string => randomUUID().replaceAll('-', '');
const NOBODY: SessionOwner = { userId: null, apiKeyId: null, adminKey: null };

describe('repositories of sessions', () => {
  let test: TestDatabase;
  let keys: DrizzleApiKeysRepository;
  let sessions: DrizzleSessionsRepository;
  let links: DrizzleSessionLinksRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    keys = new DrizzleApiKeysRepository(test.database);
    sessions = new DrizzleSessionsRepository(test.database);
    links = new DrizzleSessionLinksRepository(test.database);
  }, 60_000);
  afterAll(() => test.close());

  const session = (owner: Partial<SessionOwner>): SessionRow => ({
    id: newId(),
    secretHash: 'x',
    ...NOBODY,
    ...owner,
    address: '192.0.2.1',
    userAgent: 'test',
    createdAt: T0,
    lastUsedAt: T0,
    expiresAt: later(60_000),
  });
  const link = (owner: Partial<SessionOwner>, expiresAt = later(60_000)) => ({
    hash: newId(),
    ...NOBODY,
    ...owner,
    expiresAt,
  });
  async function apiKey(): Promise<string> {
    const id = newId();
    await keys.insert(
      {
        id,
        secretHash: 'x',
        name: 'ci',
        projectId: DEFAULT_PROJECT.id,
        role: 'viewer',
        userId: null,
        createdBy: 'admin',
        createdAt: T0,
        expiresAt: null,
        lastUsedAt: null,
      },
      10,
    );
    return id;
  }

  it('keep those of a key and of the administrator apart', async () => {
    const apiKeyId = await apiKey();
    const [ofKey, ofAdmin] = [session({ apiKeyId }), session({ adminKey: 'a' })];
    await expect(sessions.insert(ofKey)).resolves.toBe(true);
    await expect(sessions.insert(ofAdmin)).resolves.toBe(true);
    await expect(sessions.ofOwner({ ...NOBODY, apiKeyId })).resolves.toEqual([ofKey]);
    await expect(sessions.ofOwner({ ...NOBODY, adminKey: 'a' })).resolves.toEqual([ofAdmin]);
    await expect(sessions.ofOwner({ ...NOBODY, adminKey: 'b' })).resolves.toEqual([]);
    await expect(sessions.ofOwner(NOBODY)).resolves.toEqual([]);
  });

  it('end those of a key with it, and begin none for a key that is gone', async () => {
    const apiKeyId = await apiKey();
    const row = session({ apiKeyId });
    await sessions.insert(row);
    await links.insert(link({ apiKeyId }), T0);
    await keys.remove(apiKeyId);
    await expect(sessions.findById(row.id)).resolves.toBeNull();
    await expect(sessions.insert(session({ apiKeyId }))).resolves.toBe(false);
    await expect(links.insert(link({ apiKeyId }), T0)).resolves.toBe(false);
  });

  it('refuse a session of nobody, and one of two', async () => {
    for (const owner of [{}, { adminKey: 'a', apiKeyId: await apiKey() }]) {
      const cause = { constraint: 'sessions_one_owner' };
      await expect(sessions.insert(session(owner))).rejects.toMatchObject({ cause });
    }
  });

  it('give a link to one of those who take it at the same time', async () => {
    const row = link({ adminKey: 'a' });
    await links.insert(row, T0);
    await expect(links.known([row.hash, 'x'])).resolves.toEqual([row.hash]);
    const taken = await Promise.all(Array.from({ length: 5 }, () => links.take(row.hash)));
    expect(taken.filter((one) => one !== null)).toEqual([row]);
    await expect(links.known([row.hash])).resolves.toEqual([]);
  });

  it('forget links that have expired when another is made', async () => {
    const old = link({ adminKey: 'a' }, later(1_000));
    await links.insert(old, T0);
    await links.insert(link({ adminKey: 'a' }), later(2_000));
    await expect(links.known([old.hash])).resolves.toEqual([]);
  });
});
