import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type Actor, type RequestContext, runInContext } from '../../src/common/request-context.js';
import { DrizzleAuditEventsRepository } from '../../src/persistence/audit/drizzle-audit-events.repository.js';
import { DrizzleApiKeysRepository } from '../../src/persistence/auth/drizzle-api-keys.repository.js';
import { DrizzleMembershipsRepository } from '../../src/persistence/auth/users/drizzle-memberships.repository.js';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import { DrizzleSessionsRepository } from '../../src/persistence/auth/users/drizzle-sessions.repository.js';
import { DrizzleUsersRepository } from '../../src/persistence/auth/users/drizzle-users.repository.js';
import { projectRow, T0, userRow } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const CANARY = 'canary-0815';
const ADMIN: Actor = { kind: 'administrator', id: 'admin', name: 'Administrator', credential: { kind: 'admin_token' } };
const LATER = new Date(T0.getTime() + 60_000);

describe('audit events of who may do what', () => {
  let test: TestDatabase;
  let events: DrizzleAuditEventsRepository;
  let users: DrizzleUsersRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    events = new DrizzleAuditEventsRepository(test.database);
    users = new DrizzleUsersRepository(test.database);
  }, 120_000);
  afterAll(() => test.close(), 60_000);

  it('tell of projects, keys and members, and of the role that each was given', async () => {
    const user = userRow();
    await users.insert(user);
    const project = projectRow();
    const [projects, memberships] = [
      new DrizzleProjectsRepository(test.database),
      new DrizzleMembershipsRepository(test.database),
    ];
    const keys = new DrizzleApiKeysRepository(test.database);
    const key = newKey(project.id);
    const membership = { projectId: project.id, userId: user.id, role: 'owner', createdAt: T0 } as const;
    const seen = await recorded(ADMIN, async () => {
      await projects.insert(project);
      await projects.insert({ ...project, id: randomUUID() });
      await projects.update(project.id, { quotas: { containers: 3 } });
      await keys.insert(key);
      await keys.insert({ ...key, id: 'f'.repeat(32), projectId: randomUUID() });
      await memberships.put(membership, { keepsOwner: true });
      await memberships.put({ ...membership, role: 'viewer' }, { keepsOwner: true });
      await memberships.remove(project.id, user.id, { keepsOwner: true });
      await memberships.remove(project.id, user.id, { keepsOwner: false });
      await memberships.remove(project.id, user.id, { keepsOwner: false });
      await keys.remove(key.id);
      await keys.remove(key.id);
      await projects.remove(project.id);
    });
    const about = { projectId: project.id, actorId: 'admin', credentialKind: 'admin_token' };
    expect(seen).toEqual([
      expect.objectContaining({ ...about, action: 'project.create', targetId: project.id, targetName: project.name }),
      expect.objectContaining({ ...about, action: 'project.update', targetKind: 'project' }),
      expect.objectContaining({ ...about, action: 'api_key.create', targetId: key.id, details: { role: 'member' } }),
      expect.objectContaining({
        ...about,
        action: 'member.set',
        targetKind: 'user',
        targetId: user.id,
        targetName: user.email,
        details: { role: 'owner' },
      }),
      expect.objectContaining({ ...about, action: 'member.remove', targetId: user.id, details: { role: 'owner' } }),
      expect.objectContaining({ ...about, action: 'api_key.revoke', targetId: key.id }),
      expect.objectContaining({ ...about, action: 'project.delete', targetId: project.id }),
    ]);
  });

  it('tell of users and what they were made', async () => {
    const user = userRow();
    const invitation = { hash: CANARY, expiresAt: LATER };
    const seen = await recorded(ADMIN, async () => {
      await users.insert(user, invitation);
      await users.insert({ ...user, id: randomUUID() }, { ...invitation, hash: 'other' });
      await users.update(user.id, { role: 'admin', disabledAt: T0 });
      await users.invite(user.id, { ...invitation, hash: `${CANARY}-2` });
      await users.invite(randomUUID(), { ...invitation, hash: `${CANARY}-3` });
      await users.remove(user.id);
      await users.remove(user.id);
    });
    const about = { targetKind: 'user', targetId: user.id, targetName: user.email, projectId: null };
    expect(seen).toEqual([
      expect.objectContaining({ ...about, action: 'user.create', details: { role: 'user' } }),
      expect.objectContaining({ ...about, action: 'user.update', details: { role: 'admin', disabled: true } }),
      expect.objectContaining({ ...about, action: 'user.invite' }),
      expect.objectContaining({ ...about, action: 'user.delete' }),
    ]);
    expect(JSON.stringify(seen)).not.toContain(CANARY);
  });

  it('name the user whom a request signs in or sets the password of', async () => {
    const user = userRow();
    await users.insert(user, { hash: CANARY, expiresAt: LATER });
    const sessions = new DrizzleSessionsRepository(test.database);
    const id = randomUUID().replaceAll('-', '');
    const session = {
      id,
      secretHash: CANARY,
      userId: user.id,
      apiKeyId: null,
      adminKey: null,
      address: '192.0.2.7',
      userAgent: 'x',
      createdAt: T0,
      lastUsedAt: T0,
      expiresAt: LATER,
    };
    const byInvitation = await recorded(undefined, () => users.acceptInvitation(CANARY, CANARY, T0));
    const bySignIn = await recorded(undefined, async () => {
      await sessions.insert(session);
      await sessions.remove(id);
    });
    const unknown = await recorded(undefined, () => sessions.insert({ ...session, userId: randomUUID() }));
    const who = { actorKind: 'user', actorId: user.id, actorName: user.name, address: '192.0.2.7' };
    expect([...byInvitation, ...bySignIn, ...unknown]).toEqual([
      expect.objectContaining({
        ...who,
        action: 'invitation.accept',
        credentialKind: 'invitation',
        credentialId: null,
        targetId: user.id,
      }),
      expect.objectContaining({
        ...who,
        action: 'session.create',
        credentialKind: 'session',
        credentialId: id,
        targetId: user.id,
      }),
      expect.objectContaining({ ...who, action: 'session.end', targetKind: 'session', targetId: id }),
    ]);
    expect(JSON.stringify(bySignIn)).not.toContain(CANARY);
  });

  it('of no project are seen by nobody whose view is of projects', async () => {
    const user = userRow();
    await recorded(ADMIN, () => users.insert(user));
    const query = { target: user.id, limit: 10 };
    await expect(events.list({ ...query, scope: [randomUUID()] })).resolves.toEqual([]);
    await expect(events.list({ ...query, scope: EVERYTHING })).resolves.toHaveLength(1);
  });

  /** What is recorded of the work, first to last. */
  async function recorded(actor: Actor | undefined, work: () => Promise<unknown>) {
    const requestId = randomUUID();
    const context: RequestContext = { address: '192.0.2.7', requestId, ...(actor === undefined ? {} : { actor }) };
    await runInContext(context, work);
    const found = await events.list({ scope: EVERYTHING, limit: 1_000 });
    return found.filter((event) => event.requestId === requestId).toReversed();
  }
});

function newKey(projectId: string) {
  return {
    id: randomUUID().replaceAll('-', ''),
    secretHash: CANARY,
    name: 'nightly build',
    projectId,
    role: 'member' as const,
    userId: null,
    createdBy: 'admin',
    createdAt: T0,
    expiresAt: null,
    lastUsedAt: null,
  };
}
