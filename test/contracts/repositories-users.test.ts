/** The repositories of users, memberships, sessions and failed sign-ins on a real PostgreSQL. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DrizzleAccessRevisionsRepository } from '../../src/persistence/auth/drizzle-access-revisions.repository.js';
import { DrizzleApiKeysRepository } from '../../src/persistence/auth/drizzle-api-keys.repository.js';
import { DrizzleMembershipsRepository } from '../../src/persistence/auth/users/drizzle-memberships.repository.js';
import { DrizzleSessionsRepository } from '../../src/persistence/auth/users/drizzle-sessions.repository.js';
import { DrizzleSignInFailuresRepository } from '../../src/persistence/auth/users/drizzle-sign-in-failures.repository.js';
import { DrizzleUsersRepository } from '../../src/persistence/auth/users/drizzle-users.repository.js';
import type { SessionRow } from '../../src/persistence/auth/users/sessions.repository.js';
import type { UserRow } from '../../src/persistence/auth/users/users.repository.js';
import { DEFAULT_PROJECT, type ProjectRole, type HolderScope } from '../../src/persistence/types.js';
import { T0, userRow } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const PROJECT = DEFAULT_PROJECT.id;
const KEEPS_OWNER = { keepsOwner: true };
const later = (ms: number): Date => new Date(T0.getTime() + ms);

const ALL_HELD: HolderScope = { projects: EVERYTHING, userId: undefined };

describe('repositories of users', () => {
  let test: TestDatabase;
  let users: DrizzleUsersRepository;
  let memberships: DrizzleMembershipsRepository;
  let sessions: DrizzleSessionsRepository;
  let failures: DrizzleSignInFailuresRepository;
  let revisions: DrizzleAccessRevisionsRepository;
  let keys: DrizzleApiKeysRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    const { database } = test;
    users = new DrizzleUsersRepository(database);
    memberships = new DrizzleMembershipsRepository(database);
    sessions = new DrizzleSessionsRepository(database);
    failures = new DrizzleSignInFailuresRepository(database);
    revisions = new DrizzleAccessRevisionsRepository(database);
    keys = new DrizzleApiKeysRepository(database);
  }, 60_000);
  beforeEach(async () => {
    await test.database.pool.query('truncate users, sign_in_failures cascade');
  });
  afterAll(() => test.close());

  async function user(overrides: Partial<UserRow> = {}): Promise<UserRow> {
    const row = userRow(overrides);
    await expect(users.insert(row)).resolves.toEqual({ kind: 'written', row });
    return row;
  }
  const session = (userId: string, overrides: Partial<SessionRow> = {}): SessionRow => ({
    id: randomUUID().replaceAll('-', ''),
    secretHash: 'x',
    userId,
    apiKeyId: null,
    adminKey: null,
    address: '192.0.2.1',
    userAgent: 'test',
    createdAt: T0,
    lastUsedAt: T0,
    expiresAt: later(60_000),
    ...overrides,
  });
  const ofUser = (userId: string) => ({ userId, apiKeyId: null, adminKey: null });
  const member = (userId: string, role: ProjectRole, options = KEEPS_OWNER) =>
    memberships.put({ projectId: PROJECT, userId, role, createdAt: T0 }, options);
  const raises = async (change: () => Promise<unknown>): Promise<void> => {
    const before = await revisions.current();
    await change();
    await expect(revisions.current()).resolves.toBe(before + 1);
  };

  it('refuse a second user of one email', async () => {
    const [one, two] = [await user(), await user()];
    await expect(users.insert({ ...two, id: randomUUID(), email: one.email })).resolves.toEqual({
      kind: 'email_taken',
    });
    await expect(users.update(two.id, { email: one.email })).resolves.toEqual({ kind: 'email_taken' });
    await expect(users.update(randomUUID(), { name: 'x' })).resolves.toEqual({ kind: 'not_found' });
    await expect(users.findByEmail(two.email)).resolves.toEqual(two);
  });

  it('raise the access revision with every change of what a user may do', async () => {
    const { id } = await user();
    await raises(() => users.update(id, { disabledAt: T0 }));
    await raises(() => users.update(id, { disabledAt: null }));
    await raises(() => member(id, 'member'));
    await raises(() => memberships.remove(PROJECT, id, KEEPS_OWNER));
    const row = session(id);
    await sessions.insert(row);
    await raises(() => sessions.remove(row.id));
    await raises(() => users.remove(id));
    await expect(users.remove(id)).resolves.toBe(false);
  });

  it("remove a user with everything that is the user's alone", async () => {
    const { id } = await user();
    await member(id, 'owner');
    const row = session(id);
    await sessions.insert(row);
    const key = { id: randomUUID().replaceAll('-', ''), secretHash: 'x', name: 'k', createdBy: id, createdAt: T0 };
    const ofUser = { ...key, projectId: null, role: null, userId: id, expiresAt: null, lastUsedAt: null };
    await expect(keys.insert(ofUser)).resolves.toBe('inserted');
    await expect(keys.insert({ ...ofUser, id: 'b', projectId: PROJECT, role: 'owner' })).rejects.toThrow(
      'Failed query',
    );
    await users.linkAccount(id, { issuer: 'i', subject: 's' }, T0);
    await users.invite(id, { hash: 'h', expiresAt: later(1_000) });
    await users.remove(id);
    await expect(sessions.findById(row.id)).resolves.toBeNull();
    await expect(keys.findById(ofUser.id, ALL_HELD)).resolves.toBeNull();
    await expect(memberships.ofProject(PROJECT)).resolves.toEqual([]);
    await expect(users.findByAccount({ issuer: 'i', subject: 's' })).resolves.toBeNull();
    await expect(users.knownInvitations(['h'], T0)).resolves.toEqual([]);
  });

  it('use an invitation up once, however many accept it at once, and end the sessions of before', async () => {
    const { id } = await user();
    await sessions.insert(session(id));
    await users.invite(id, { hash: 'h', expiresAt: later(1_000) });
    await expect(users.knownInvitations(['h', 'x'], T0)).resolves.toEqual(['h']);
    const accepted = await Promise.all(
      Array.from({ length: 5 }, (_, index) => users.acceptInvitation('h', `hash-${index}`, T0)),
    );
    const [winner, ...others] = accepted.filter((row) => row !== null);
    expect(others).toEqual([]);
    await expect(users.findById(id)).resolves.toEqual(winner);
    await expect(sessions.ofOwner(ofUser(id))).resolves.toEqual([]);
  });

  it('refuse an invitation that has expired or was replaced', async () => {
    const { id } = await user();
    await users.invite(id, { hash: 'first', expiresAt: later(1_000) });
    await users.invite(id, { hash: 'second', expiresAt: later(1_000) });
    await expect(users.acceptInvitation('first', 'x', T0)).resolves.toBeNull();
    await expect(users.knownInvitations(['second'], later(1_000))).resolves.toEqual([]);
    await expect(users.acceptInvitation('second', 'x', later(1_000))).resolves.toBeNull();
    await expect(users.findById(id)).resolves.toMatchObject({ passwordHash: null });
    await expect(users.invite(randomUUID(), { hash: 'h', expiresAt: T0 })).resolves.toBe(false);
  });

  it('replace a hash of the same password only', async () => {
    const { id } = await user({ passwordHash: 'new' });
    await users.rehash(id, 'old', 'rehashed');
    await expect(users.findById(id)).resolves.toMatchObject({ passwordHash: 'new' });
    await users.rehash(id, 'new', 'rehashed');
    await expect(users.findById(id)).resolves.toMatchObject({ passwordHash: 'rehashed' });
  });

  it('link an account of a provider to one user', async () => {
    const [one, two] = [await user(), await user()];
    const account = { issuer: 'https://id.example.org', subject: '1' };
    const linked = await Promise.all([one, two].map(({ id }) => users.linkAccount(id, account, T0)));
    expect(linked.toSorted()).toEqual([false, true]);
    await expect(users.findByAccount(account)).resolves.toEqual(linked[0] ? one : two);
    await expect(users.findByAccount({ ...account, issuer: 'https://other.example.org' })).resolves.toBeNull();
    await expect(users.linkAccount(randomUUID(), { ...account, subject: '2' }, T0)).resolves.toBe(false);
  });

  it('link one account of each provider to a user, however many come at once', async () => {
    const { id } = await user();
    const accounts = ['1', '2', '3'].map((subject) => ({ issuer: 'https://id.example.org', subject }));
    const linked = await Promise.all(accounts.map((account) => users.linkAccount(id, account, T0)));
    expect(linked.filter(Boolean)).toEqual([true]);
    const found = await Promise.all(accounts.map((account) => users.findByAccount(account)));
    expect(found.map((row) => row !== null)).toEqual(linked);
    await expect(users.linkAccount(id, { issuer: 'https://other.example.org', subject: '1' }, T0)).resolves.toBe(true);
  });

  it('list members by email with their roles', async () => {
    const [one, two] = [await user({ email: 'b@example.org' }), await user({ email: 'a@example.org' })];
    await member(one.id, 'owner');
    await member(two.id, 'viewer');
    await member(two.id, 'member');
    const listed = await memberships.ofProject(PROJECT);
    expect(listed.map(({ email, role }) => [email, role])).toEqual([
      ['a@example.org', 'member'],
      ['b@example.org', 'owner'],
    ]);
    await expect(memberships.ofUser(two.id)).resolves.toMatchObject([{ projectId: PROJECT, role: 'member' }]);
    await expect(member(randomUUID(), 'viewer')).resolves.toEqual({ kind: 'user_not_found' });
    const elsewhere = { projectId: randomUUID(), userId: one.id, role: 'viewer', createdAt: T0 } as const;
    await expect(memberships.put(elsewhere, KEEPS_OWNER)).resolves.toEqual({ kind: 'project_not_found' });
  });

  it('keep the last owner of a project, however many leave at once', async () => {
    const owners = [await user(), await user(), await user()];
    for (const { id } of owners) await member(id, 'owner');
    const outcomes = await Promise.all([
      memberships.remove(PROJECT, owners[0]!.id, KEEPS_OWNER),
      memberships.remove(PROJECT, owners[1]!.id, KEEPS_OWNER),
      member(owners[2]!.id, 'member').then(({ kind }) => kind),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'last_owner')).toHaveLength(1);
    const [last] = (await memberships.ofProject(PROJECT)).filter(({ role }) => role === 'owner');
    await expect(memberships.remove(PROJECT, last!.userId, { keepsOwner: false })).resolves.toBe('removed');
    await expect(memberships.remove(PROJECT, last!.userId, KEEPS_OWNER)).resolves.toBe('not_found');
  });

  it('begin no session for a user who is disabled at the same time', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await user();
      const [isBegun] = await Promise.all([
        sessions.insert(session(id, { createdAt: later(1) })),
        users.update(id, { disabledAt: T0 }),
      ]);
      const row = await users.findById(id);
      expect([isBegun, row!.lastSignInAt]).toEqual([isBegun, isBegun ? later(1) : null]);
      await expect(sessions.insert(session(id))).resolves.toBe(false);
    }
  });

  it('delete sessions that have expired when another begins, and store the latest use', async () => {
    const { id } = await user();
    const [old, fresh] = [session(id), session(id, { createdAt: later(60_000), expiresAt: later(90_000) })];
    await sessions.insert(old);
    await sessions.insert(fresh);
    await expect(sessions.ofOwner(ofUser(id))).resolves.toEqual([fresh]);
    await sessions.noteUsed(new Map([[fresh.id, later(5)]]));
    await sessions.noteUsed(new Map([[fresh.id, later(3)]]));
    await expect(sessions.findById(fresh.id)).resolves.toMatchObject({ lastUsedAt: later(5) });
  });

  it('count failures one by one, however many come at once, and begin again after the window', async () => {
    const counted = await Promise.all(Array.from({ length: 20 }, () => failures.add('k', T0, 60_000)));
    expect(counted.map(({ count }) => count).toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    await failures.takeBack('k', T0);
    await expect(failures.add('k', later(59_999), 60_000)).resolves.toEqual({ key: 'k', count: 20, windowStart: T0 });
    await expect(failures.add('k', later(60_000), 60_000)).resolves.toMatchObject({
      count: 1,
      windowStart: later(60_000),
    });
    await failures.takeBack('k', T0);
    await expect(failures.add('k', later(60_001), 60_000)).resolves.toMatchObject({ count: 2 });
    await failures.add('other', later(200_000), 60_000);
    const { rows } = await test.database.pool.query<{ key: string }>('select key from sign_in_failures');
    expect(rows).toEqual([{ key: 'other' }]);
  });
});
