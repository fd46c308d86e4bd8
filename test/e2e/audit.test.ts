/** What is recorded of what callers do, and who may read it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AuditEvent, auditOf, identified, linesOf } from '../support/api/audit.js';
import { ApiClient, type ApiRequest, ok, problem } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { cookieOf, newSignedInUser, PASSWORD, publicUrlOf, secretOf, type SignedIn } from '../support/api/signed-in.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';

const CANARY = 'canary-0815-4711';
const CREATED = { prefer: 'wait=120' };

interface Key {
  id: string;
  key: string;
}

/** What was done, and what its one event has to tell. */
interface Act {
  requestId: string;
  action: string;
  expected: object;
}

describe('the audit', () => {
  let server: TestServer;
  let project: { id: string };
  let memberKey: Key;
  let member: ApiClient;
  let owner: SignedIn;
  let foreigner: ApiClient;
  const acts: Act[] = [];
  const secrets: string[] = [CANARY, PASSWORD];

  /** Does something that has to succeed and to be recorded. */
  const act = async <T>(
    client: ApiClient,
    [method, path]: [string, string],
    { action, ...expected }: { action: string } & Record<string, unknown>,
    options: ApiRequest = {},
  ): Promise<T> => {
    const { requestId, answer } = await identified<T>(client, method, path, options);
    acts.push({ requestId, action, expected });
    return ok(answer);
  };
  const newKey = async (body: object): Promise<Key> => {
    const key = ok(await server.api.request<Key>('POST', '/api/api-keys', { body: { name: 'ci', ...body } }));
    secrets.push(key.key.slice(-43));
    return key;
  };

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    project = ok(await server.api.request('POST', '/api/projects', { body: { name: 'audited' } }));
    memberKey = await newKey({ projectId: project.id });
    member = new ApiClient(server.devforge.url, memberKey.key);
    owner = await newSignedInUser(server.api, { email: 'owner@example.org', projects: { [project.id]: 'owner' } });
    const other = ok(await server.api.request<{ id: string }>('POST', '/api/projects', { body: { name: 'other' } }));
    foreigner = new ApiClient(server.devforge.url, (await newKey({ projectId: other.id, role: 'owner' })).key);
    secrets.push(owner.cookie.slice(-43), owner.session.csrfToken, server.devforge.token);
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  it('has one event of each change of a container, its volume and its instructions', async () => {
    const name = uniqueName('audit');
    const create: ApiRequest = {
      body: { name, template: 'claude', env: { SECRET: CANARY } },
      headers: { ...CREATED, 'idempotency-key': name },
    };
    const { id } = await act<Container>(member, ['POST', '/api/containers'], { action: 'container.create' }, create);
    server.api.accepted.add(id);
    const about = { projectId: project.id, target: { kind: 'container', id, name } };
    acts.at(-1)!.expected = about;
    const path = `/api/containers/${id}`;
    await act(member, ['PATCH', path], { action: 'container.update', ...about }, { body: { env: { OTHER: CANARY } } });
    await act(member, ['POST', `${path}/stop`], { action: 'container.stop', ...about });
    await act(member, ['POST', `${path}/start`], { action: 'container.start', ...about });
    await act(member, ['POST', `${path}/rebuild`], { action: 'container.rebuild', ...about });
    await server.api.waitForStatus(id, 'running');
    const instruction = await act<{ id: string }>(
      member,
      ['POST', `${path}/instructions`],
      { action: 'instruction.create' },
      { body: { prompt: CANARY } },
    );
    const ofInstruction = { projectId: project.id, target: { kind: 'instruction', id: instruction.id, name: null } };
    acts.at(-1)!.expected = ofInstruction;
    const cancelled = await identified(member, 'POST', `/api/instructions/${instruction.id}/cancel`);
    // It may have ended by itself before.
    if (cancelled.answer.status === 200 && (await eventsOf(cancelled.requestId)).length > 0)
      acts.push({ requestId: cancelled.requestId, action: 'instruction.cancel', expected: ofInstruction });
    await act(member, ['DELETE', `${path}?keepVolume=true`], { action: 'container.delete', ...about });
    const volume = { kind: 'volume', id, name };
    await act(member, ['DELETE', `/api/volumes/${id}`], {
      action: 'volume.delete',
      projectId: project.id,
      target: volume,
    });
    for (const done of acts) {
      const credential = { kind: 'api_key', id: memberKey.id };
      Object.assign(done.expected, {
        actor: { kind: 'service', id: `key:${memberKey.id}`, name: 'ci' },
        credential,
      });
    }
  }, 240_000);

  it('has one event of each change of who may do what', async () => {
    const as = {
      actor: { kind: 'administrator', id: 'admin', name: 'Administrator' },
      credential: { kind: 'admin_token', id: null },
    };
    const made = await act<{ id: string }>(
      server.api,
      ['POST', '/api/projects'],
      { action: 'project.create', ...as },
      { body: { name: 'short-lived' } },
    );
    const path = `/api/projects/${made.id}`;
    const target = { kind: 'project', id: made.id, name: 'short-lived' };
    const ofProject = { ...as, projectId: made.id };
    await act(
      server.api,
      ['PATCH', path],
      { action: 'project.update', ...ofProject, target },
      { body: { quotas: { cpu: 1 } } },
    );
    const key = await act<Key>(
      server.api,
      ['POST', '/api/api-keys'],
      { action: 'api_key.create', ...ofProject, details: { role: 'viewer' } },
      { body: { name: 'short-lived', projectId: made.id, role: 'viewer' } },
    );
    secrets.push(key.key.slice(-43));
    await act(server.api, ['DELETE', `/api/api-keys/${key.id}`], {
      action: 'api_key.revoke',
      ...ofProject,
      target: { kind: 'api_key', id: key.id, name: 'short-lived' },
    });
    const invited = await act<{ user: { id: string }; invitationUrl: string }>(
      server.api,
      ['POST', '/api/users'],
      { action: 'user.create', ...as, projectId: null, details: { role: 'user' } },
      { body: { email: 'grace@example.org', name: 'Grace' } },
    );
    secrets.push(secretOf(invited));
    const user = { kind: 'user', id: invited.user.id, name: 'grace@example.org' };
    const ofUser = { ...as, target: user };
    const membership = `${path}/members/${user.id}`;
    await act(
      server.api,
      ['PUT', membership],
      { action: 'member.set', ...ofUser, projectId: made.id, details: { role: 'owner' } },
      { body: { role: 'owner' } },
    );
    await act(server.api, ['DELETE', membership], { action: 'member.remove', ...ofUser, projectId: made.id });
    const again = await act<{ invitationUrl: string }>(server.api, ['POST', `/api/users/${user.id}/invitation`], {
      action: 'user.invite',
      ...ofUser,
    });
    secrets.push(secretOf(again));
    const grace = { kind: 'user', id: user.id, name: 'Grace' };
    const nobody = new ApiClient(publicUrlOf(server.devforge), null);
    await act(
      nobody,
      ['POST', '/api/invitations/accept'],
      { action: 'invitation.accept', actor: grace, credential: { kind: 'invitation', id: null }, target: user },
      { body: { token: secretOf(again), password: PASSWORD } },
    );
    const { requestId, answer } = await identified<{ id: string; csrfToken: string }>(nobody, 'POST', '/api/sessions', {
      body: { email: 'grace@example.org', password: PASSWORD },
    });
    const session = { credential: { kind: 'session', id: ok(answer).id }, actor: grace, projectId: null };
    acts.push({ requestId, action: 'session.create', expected: { ...session, target: user } });
    const cookie = cookieOf(answer);
    secrets.push(cookie.slice(-43), answer.body.csrfToken);
    const browser = new ApiClient(nobody.url, null, { cookie, 'x-csrf-token': answer.body.csrfToken });
    await act(browser, ['DELETE', '/api/sessions/current'], {
      action: 'session.end',
      ...session,
      target: { kind: 'session', id: session.credential.id, name: null },
    });
    await act(
      server.api,
      ['PATCH', `/api/users/${user.id}`],
      { action: 'user.update', ...ofUser, details: { disabled: true } },
      { body: { disabled: true } },
    );
    await act(server.api, ['DELETE', `/api/users/${user.id}`], { action: 'user.delete', ...ofUser });
    await act(server.api, ['DELETE', path], { action: 'project.delete', ...ofProject, target });
  });

  it('tells who, from where, by which credential, what, on what and in which request, once for each', async () => {
    const events = await auditOf(server.api);
    expect(acts.length).toBeGreaterThan(20);
    for (const { requestId, action, expected } of acts) {
      expect([action, events.filter((event) => event.requestId === requestId)]).toEqual([
        action,
        [
          expect.objectContaining({
            action,
            outcome: 'allowed',
            code: null,
            address: expect.stringMatching(/^(::ffff:)?127\.0\.0\.1$|^::1$/),
            ...expected,
          }),
        ],
      ]);
    }
  });

  it('has no event of a read, of a repeated create, or of a change that was not made', async () => {
    const name = uniqueName('audit');
    const body = { name, template: 'claude' };
    const headers = { ...CREATED, 'idempotency-key': name };
    const first = await identified<Container>(member, 'POST', '/api/containers', { body, headers });
    const { id } = ok(first.answer);
    server.api.accepted.add(id);
    const none = [
      await identified(member, 'POST', '/api/containers', { body, headers }),
      await identified(member, 'POST', '/api/containers', { body }),
      await identified(member, 'POST', '/api/containers', { body: { ...body, name: 'not valid!' } }),
      await identified(member, 'GET', `/api/containers/${id}`),
      await identified(member, 'GET', '/api/me'),
      await identified(owner.api, 'GET', '/api/audit'),
      await identified(server.api, 'POST', '/api/projects', { body: { name: 'audited' } }),
      await identified(member, 'POST', `/api/containers/${id}/start`),
    ];
    expect(none.map(({ answer }) => answer.status)).toEqual([201, 409, 400, 200, 200, 200, 409, 200]);
    const events = await auditOf(server.api);
    const ids = new Set(none.map(({ requestId }) => requestId));
    expect(events.filter(({ requestId }) => ids.has(requestId!))).toEqual([]);
    expect(events.filter(({ requestId }) => requestId === first.requestId)).toHaveLength(1);
  }, 120_000);

  it('is filtered by project, actor, action, target, outcome and time', async () => {
    const events = await auditOf(server.api);
    const theirs = events.filter(({ projectId }) => projectId === project.id);
    const count = async (query: Record<string, string>): Promise<number> => (await auditOf(server.api, query)).length;
    await expect(count({ projectId: project.id })).resolves.toBe(theirs.length);
    const byKey = events.filter(({ actor }) => actor?.id === `key:${memberKey.id}`).length;
    await expect(count({ actor: `key:${memberKey.id}` })).resolves.toBe(byKey);
    await expect(count({ actor: 'Grace' })).resolves.toBe(3);
    await expect(count({ action: 'container.rebuild' })).resolves.toBe(1);
    await expect(count({ action: 'member' })).resolves.toBe(3);
    await expect(count({ target: 'short-lived', action: 'project' })).resolves.toBe(3);
    await expect(count({ outcome: 'allowed' })).resolves.toBe(events.filter((e) => e.outcome === 'allowed').length);
    const middle = events[Math.floor(events.length / 2)]!.at;
    const later = events.filter(({ at }) => at >= middle).length;
    await expect(count({ since: middle })).resolves.toBe(later);
    await expect(count({ until: middle })).resolves.toBe(events.length - later);
    await expect(count({ since: '9999-12-31T23:59:59-12:00' })).resolves.toBe(0);
    for (const query of [
      { since: 'yesterday' },
      { action: 'x; y' },
      { actor: 'a\0b' },
      { cursor: 'x' },
      { limit: 501 },
    ])
      expect(problem(await server.api.request('GET', '/api/audit', { query })).code).toBe('validation_failed');
  });

  it('is read in pages, or as lines of JSON by Accept as well', async () => {
    const all = await auditOf(server.api);
    const paged: AuditEvent[] = [];
    let cursor: string | undefined;
    do {
      const page = ok(
        await server.api.request<{ items: AuditEvent[]; nextCursor: string | null }>('GET', '/api/audit', {
          query: { limit: 7, cursor },
        }),
      );
      expect(page.items.length).toBeLessThanOrEqual(7);
      paged.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(paged).toEqual(all);
    const accept = 'application/x-ndjson';
    const answer = await server.api.request<string>('GET', '/api/audit', { headers: { accept } });
    expect(answer.headers.get('content-type')).toContain(accept);
    expect(linesOf(answer.body)).toEqual(all);
  });

  it('shows owners what concerns their projects, and others nothing', async () => {
    const all = await auditOf(server.api);
    await expect(auditOf(owner.api)).resolves.toEqual(all.filter(({ projectId }) => projectId === project.id));
    const foreign = await auditOf(foreigner);
    expect(foreign.filter(({ projectId }) => projectId === project.id || projectId === null)).toEqual([]);
    const refused = await foreigner.request('GET', '/api/audit', { query: { projectId: project.id } });
    expect(problem(refused).code).toBe('project_not_found');
    expect(problem(await member.request('GET', '/api/audit')).code).toBe('forbidden');
  });

  it('has no secret, prompt or variable', async () => {
    const text = JSON.stringify(await auditOf(server.api));
    expect(secrets.filter((secret) => secret.length < 8)).toEqual([]);
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  });

  async function eventsOf(requestId: string): Promise<AuditEvent[]> {
    return (await auditOf(server.api)).filter((event) => event.requestId === requestId);
  }
});
