/** The repository of credentials on a real PostgreSQL: holders, removal under races, uses, and encrypting anew. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type Actor, runInContext } from '../../src/common/request-context.js';
import { DrizzleAuditEventsRepository } from '../../src/persistence/audit/drizzle-audit-events.repository.js';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import { DrizzleUsersRepository } from '../../src/persistence/auth/users/drizzle-users.repository.js';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import type { CredentialRow } from '../../src/persistence/credentials/credentials.repository.js';
import { DrizzleCredentialsRepository } from '../../src/persistence/credentials/drizzle-credentials.repository.js';
import { DEFAULT_PROJECT, type HolderScope } from '../../src/persistence/types.js';
import { containerRow, jobRow, projectRow, T0, userRow } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const MAX = 200;
const SEALED = Buffer.from('sealed');
const ADMIN: Actor = { kind: 'administrator', id: 'admin', name: 'Administrator', credential: { kind: 'admin_token' } };

const ALL_HELD: HolderScope = { projects: EVERYTHING, userId: undefined };

describe('the repository of credentials', () => {
  let test: TestDatabase;
  let credentials: DrizzleCredentialsRepository;
  let containers: DrizzleContainersRepository;
  let audit: DrizzleAuditEventsRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    credentials = new DrizzleCredentialsRepository(test.database);
    containers = new DrizzleContainersRepository(test.database);
    audit = new DrizzleAuditEventsRepository(test.database);
  }, 60_000);
  beforeEach(async () => {
    await test.database.pool.query('truncate containers, jobs, credentials, audit_events cascade');
  });
  afterAll(() => test.close());

  const row = (overrides: Partial<CredentialRow> = {}): CredentialRow => ({
    id: randomUUID(),
    name: 'c',
    kind: 'ssh_key',
    projectId: DEFAULT_PROJECT.id,
    userId: null,
    host: 'git.example.org',
    username: null,
    header: null,
    fingerprint: 'SHA256:x',
    keyId: 'key',
    sealed: SEALED,
    createdBy: 'admin',
    createdAt: T0,
    lastUsedAt: null,
    ...overrides,
  });
  const insert = async (overrides: Partial<CredentialRow> = {}): Promise<CredentialRow> => {
    const made = row(overrides);
    await expect(credentials.insert(made, MAX)).resolves.toBe('inserted');
    return made;
  };
  const insertContainer = async (ids: string[]): Promise<{ row: ContainerRow; kind: string }> => {
    const made = containerRow({ credentials: ids });
    return { row: made, kind: (await containers.insert(made, jobRow(made))).kind };
  };

  it('returns what was stored, latest first, of a project or of all', async () => {
    const { id: projectId } = await newProject();
    const userId = await newUser();
    const one = await insert();
    const two = await insert({ projectId, createdAt: new Date(T0.getTime() + 1) });
    const three = await insert({ projectId: null, userId, createdAt: new Date(T0.getTime() + 2) });
    await expect(credentials.findById(one.id, ALL_HELD)).resolves.toEqual(one);
    await expect(credentials.findById(randomUUID(), ALL_HELD)).resolves.toBeNull();
    await expect(credentials.findByIds([])).resolves.toEqual([]);
    await expect(credentials.list(ALL_HELD)).resolves.toEqual([three, two, one]);
    await expect(credentials.list({ projects: [projectId], userId: undefined })).resolves.toEqual([two]);
  });

  it('admits no more than allowed for each holder, however many come at once', async () => {
    const userId = await newUser();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => credentials.insert(row(), 5)));
    expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(5);
    await expect(credentials.insert(row({ projectId: null, userId }), 5)).resolves.toBe('inserted');
    await expect(credentials.insert(row({ projectId: randomUUID() }), 5)).resolves.toBe('holder_gone');
    await expect(credentials.insert(row({ projectId: null, userId: randomUUID() }), 5)).resolves.toBe('holder_gone');
    await expect(credentials.insert(row({ userId }), 50)).rejects.toMatchObject({
      cause: { constraint: 'credentials_of_project_or_user' },
    });
  });

  it('goes with its project or user', async () => {
    const { id: projectId } = await newProject();
    const userId = await newUser();
    await insert({ projectId });
    await insert({ projectId: null, userId });
    await new DrizzleProjectsRepository(test.database).remove(projectId);
    await new DrizzleUsersRepository(test.database).remove(userId);
    await expect(credentials.list(ALL_HELD)).resolves.toEqual([]);
  });

  it('removes what no container has, and names those that have it', async () => {
    const { id } = await insert();
    const { row: container, kind } = await insertContainer([id]);
    expect(kind).toBe('inserted');
    await expect(containers.findById(container.id, EVERYTHING)).resolves.toMatchObject({ credentials: [id] });
    const { id: containerId, name } = container;
    await expect(credentials.remove(id)).resolves.toEqual({ kind: 'in_use', containers: [{ id: containerId, name }] });
    const lease = (await containers.acquireLease(containerId, 'me', 10_000))!;
    await containers.tombstone(containerId, lease);
    await expect(credentials.remove(id)).resolves.toEqual({ kind: 'removed' });
    await expect(credentials.remove(id)).resolves.toEqual({ kind: 'not_found' });
    await expect(insertContainer([id])).resolves.toMatchObject({ kind: 'credential_not_found' });
  });

  it('is given to a container only as long as it is there', async () => {
    const { id } = await insert();
    const { row: container } = await insertContainer([]);
    const lease = (await containers.acquireLease(container.id, 'me', 10_000))!;
    const gone = { credentials: [id, randomUUID()], name: 'other' };
    await expect(containers.changeSpec(container.id, gone, lease)).resolves.toBe('credential_not_found');
    await expect(containers.findById(container.id, EVERYTHING)).resolves.toMatchObject({
      credentials: [],
      name: container.name,
    });
    await expect(containers.changeSpec(container.id, { credentials: [id] }, lease)).resolves.toMatchObject({
      credentials: [id],
    });
  });

  it('is never removed while a container gets it', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const { id } = await insert();
        const [made, removed] = await Promise.all([insertContainer([id]), credentials.remove(id)]);
        return `${made.kind} ${removed.kind}`;
      }),
    );
    const possible = ['inserted in_use', 'credential_not_found removed'];
    expect(outcomes.filter((outcome) => !possible.includes(outcome))).toEqual([]);
  });

  it('records changes by callers, and uses by whoever it is', async () => {
    const container = containerRow();
    const { id: projectId } = await newProject();
    const made = row({ projectId });
    const use = { container, purpose: 'git' } as const;
    const later = new Date(T0.getTime() + 1_000);
    await runInContext({ address: '192.0.2.7', requestId: 'r', actor: ADMIN }, async () => {
      await credentials.insert(made, MAX);
      await credentials.recordUse(made, use, later);
    });
    await expect(credentials.recordUse(made, use, T0)).resolves.toBe(true);
    await expect(credentials.findById(made.id, ALL_HELD)).resolves.toMatchObject({ lastUsedAt: later });
    await runInContext({ address: null, requestId: 'r', actor: ADMIN }, () => credentials.remove(made.id));
    await expect(credentials.recordUse(made, use, later)).resolves.toBe(false);
    const target = { targetKind: 'credential', targetId: made.id, targetName: made.name };
    const used = { purpose: 'git', containerId: container.id, containerName: container.name, kind: 'ssh_key' };
    const details = { kind: 'ssh_key' };
    const events = (await audit.list({ scope: EVERYTHING, target: made.id, limit: 10 })).toReversed();
    expect(events).toEqual([
      expect.objectContaining({ ...target, action: 'credential.create', projectId, details, actorId: 'admin' }),
      expect.objectContaining({
        ...target,
        action: 'credential.use',
        projectId: container.projectId,
        details: used,
        actorId: 'admin',
        requestId: 'r',
      }),
      expect.objectContaining({
        ...target,
        action: 'credential.use',
        details: used,
        actorKind: 'server',
        actorId: 'devforge',
        credentialKind: null,
        requestId: null,
      }),
      expect.objectContaining({ ...target, action: 'credential.delete', projectId, details }),
    ]);
  });

  it('encrypts anew what has another key, page by page, beside another process', async () => {
    const rows = await Promise.all(Array.from({ length: 5 }, () => insert()));
    const done = await insert({ keyId: 'new' });
    const kept = rows[2]!.id;
    const seen: string[] = [];
    const reseal = (each: CredentialRow) => {
      seen.push(each.id);
      return each.id === kept ? null : { keyId: 'new', sealed: Buffer.from(`${each.id} anew`) };
    };
    const first = await credentials.reseal('new', { after: null, limit: 3 }, reseal);
    const second = await credentials.reseal('new', { after: first.last, limit: 3 }, reseal);
    const third = await credentials.reseal('new', { after: second.last, limit: 3 }, reseal);
    expect(first.resealed + second.resealed).toBe(4);
    expect(first.kept + second.kept).toBe(1);
    expect(third).toEqual({ resealed: 0, kept: 0, last: null });
    expect(seen).toEqual(rows.map(({ id }) => id).toSorted());
    for (const { id } of rows)
      await expect(credentials.findById(id, ALL_HELD)).resolves.toMatchObject(
        id === kept ? { keyId: 'key', sealed: SEALED } : { keyId: 'new', sealed: Buffer.from(`${id} anew`) },
      );
    await expect(credentials.findById(done.id, ALL_HELD)).resolves.toEqual(done);

    const held = await test.another().pool.connect();
    try {
      await held.query('begin');
      await held.query('select from credentials where id = $1 for update', [kept]);
      await expect(credentials.reseal('new', { after: null, limit: 3 }, reseal)).resolves.toMatchObject({ kept: 0 });
    } finally {
      await held.query('rollback');
      held.release();
    }
  });

  async function newProject(): Promise<{ id: string }> {
    const project = projectRow();
    await new DrizzleProjectsRepository(test.database).insert(project);
    return project;
  }

  async function newUser(): Promise<string> {
    const row = userRow();
    await new DrizzleUsersRepository(test.database).insert(row);
    return row.id;
  }
});
