/** What the reads of repositories return in a scope, on a real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DrizzleAuditEventsRepository } from '../../src/persistence/audit/drizzle-audit-events.repository.js';
import { DrizzleApiKeysRepository } from '../../src/persistence/auth/drizzle-api-keys.repository.js';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleJobsRepository } from '../../src/persistence/containers/drizzle-jobs.repository.js';
import { DrizzleCredentialsRepository } from '../../src/persistence/credentials/drizzle-credentials.repository.js';
import { EVERYTHING } from '../../src/persistence/everything.js';
import { DrizzleInstructionsRepository } from '../../src/persistence/instructions/drizzle-instructions.repository.js';
import type { HolderScope, Scope } from '../../src/persistence/types.js';
import { containerRow, jobRow, newInstruction, projectRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';

type Find = (scope: Scope) => Promise<unknown>;

describe('reads in a scope', () => {
  const here = projectRow({ name: 'here' });
  const there = projectRow({ name: 'there' });
  const container = containerRow({ projectId: here.id });
  const job = jobRow(container);
  const instruction = newInstruction(container);
  const credentialId = randomUUID();
  const keyId = randomUUID().replaceAll('-', '');
  let test: TestDatabase;
  let audit: DrizzleAuditEventsRepository;
  let finds: Record<string, Find>;

  beforeAll(async () => {
    test = await openTestDatabase();
    const { database } = test;
    audit = new DrizzleAuditEventsRepository(database);
    const projects = new DrizzleProjectsRepository(database);
    const containers = new DrizzleContainersRepository(database);
    const jobs = new DrizzleJobsRepository(database);
    const instructions = new DrizzleInstructionsRepository(database);
    const credentials = new DrizzleCredentialsRepository(database);
    const keys = new DrizzleApiKeysRepository(database);
    for (const project of [here, there]) await projects.insert(project);
    await containers.insert(container, job);
    await instructions.insert(instruction);
    const held = { projectId: here.id, userId: null, createdBy: 'admin', createdAt: T0, lastUsedAt: null };
    const sealed = { keyId: 'key', sealed: Buffer.from('x') };
    const git = { kind: 'ssh_key', host: null, username: null, header: null, fingerprint: 'x' } as const;
    await credentials.insert({ id: credentialId, name: 'c', ...git, ...sealed, ...held }, 10);
    await keys.insert({ id: keyId, name: 'k', secretHash: 'x', role: 'member', expiresAt: null, ...held });
    const heldBy = (scope: Scope): HolderScope => ({ projects: scope, userId: undefined });
    finds = {
      container: (scope) => containers.findById(container.id, scope),
      job: (scope) => jobs.findById(job.id, scope),
      instruction: (scope) => instructions.findById(instruction.id, scope),
      project: (scope) => projects.findById(here.id, scope),
      credential: (scope) => credentials.findById(credentialId, heldBy(scope)),
      api_key: (scope) => keys.findById(keyId, heldBy(scope)),
    };
  }, 60_000);
  afterAll(() => test.close());

  const idOf = (kind: string): string =>
    ({
      container: container.id,
      job: job.id,
      instruction: instruction.id,
      project: here.id,
      credential: credentialId,
      api_key: keyId,
    })[kind]!;

  it.each(['container', 'job', 'instruction', 'project', 'credential', 'api_key'])(
    'find a %s in its project, and nowhere else, where it is known to exist outside',
    async (kind) => {
      const find = finds[kind]!;
      for (const scope of [EVERYTHING, [here.id], [there.id, here.id]] as const)
        await expect(find(scope)).resolves.toMatchObject({ id: idOf(kind) });
      for (const scope of [[there.id], []]) await expect(find(scope)).resolves.toBeNull();
      const target = { kind, id: idOf(kind), name: null };
      await expect(audit.existsOutside([there.id], target)).resolves.toBe(true);
      await expect(audit.existsOutside([here.id], target)).resolves.toBe(false);
      const absent = { ...target, id: randomUUID().replaceAll('-', '') };
      await expect(audit.existsOutside([], absent)).resolves.toBe(false);
    },
  );
});
