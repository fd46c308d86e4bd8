/** What is recorded of what callers may not do. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type AuditEvent, auditOf, identified } from '../support/api/audit.js';
import { ApiClient, type ApiRequest, type ApiResponse, ok, problem } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { newSignedInUser, publicUrlOf, type SignedIn } from '../support/api/signed-in.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const CANARY = 'canary-0815-4711';
const EXEC: ApiRequest = { body: { command: ['true'] } };

interface Key {
  id: string;
  key: string;
}

describe('the audit of refusals', () => {
  let server: TestServer;
  let project: { id: string };
  let container: Container;
  let viewerKey: Key;
  let viewer: ApiClient;
  let foreignKey: Key;
  let foreigner: ApiClient;
  let owner: SignedIn;
  /** Owns the other project, and reads this one. */
  let mixed: SignedIn;

  const newKey = async (projectId: string, role: string): Promise<Key> =>
    ok(await server.api.request<Key>('POST', '/api/api-keys', { body: { name: role, projectId, role } }));
  const clientOf = ({ key }: Key): ApiClient => new ApiClient(server.devforge.url, key);
  const withWrongSecret = ({ key }: Key): string => `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
  /** They are recorded after the answer. */
  const eventsOf = async (requestId: string, reader: ApiClient = server.api): Promise<AuditEvent[]> =>
    (await auditOf(reader)).filter((event) => event.requestId === requestId);
  const eventOf = async (requestId: string): Promise<AuditEvent> => {
    let events: AuditEvent[] = [];
    await until('it is recorded', async () => (events = await eventsOf(requestId)).length > 0);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ outcome: 'refused', address: expect.stringMatching(/127\.0\.0\.1$|^::1$/) });
    return events[0]!;
  };

  const expectHidden = async (
    { requestId, answer }: { requestId: string; answer: ApiResponse<unknown> },
    expected: object,
  ): Promise<void> => {
    const { code } = problem(answer);
    expect(code).toMatch(/_not_found$/);
    const event = { code, projectId: null, actor: { id: `key:${foreignKey.id}` }, ...expected };
    await expect(eventOf(requestId)).resolves.toMatchObject(event);
    for (const reader of [owner.api, foreigner]) await expect(eventsOf(requestId, reader)).resolves.toEqual([]);
  };

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    project = ok(await server.api.request('POST', '/api/projects', { body: { name: 'audited' } }));
    const other = ok(await server.api.request<{ id: string }>('POST', '/api/projects', { body: { name: 'other' } }));
    const body = { name: uniqueName('audit'), template: 'claude', projectId: project.id } as const;
    container = ok(await server.api.create(body, { prefer: 'wait=120' }));
    [viewerKey, foreignKey] = [await newKey(project.id, 'viewer'), await newKey(other.id, 'owner')];
    [viewer, foreigner] = [clientOf(viewerKey), clientOf(foreignKey)];
    owner = await newSignedInUser(server.api, { email: 'owner@example.org', projects: { [project.id]: 'owner' } });
    mixed = await newSignedInUser(server.api, {
      email: 'mixed@example.org',
      projects: { [project.id]: 'viewer', [other.id]: 'owner' },
    });
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  it('has what a role is not enough for, and shows it to the owners of the project', async () => {
    const byKey = await identified(viewer, 'POST', `/api/containers/${container.id}/exec`, EXEC);
    expect(problem(byKey.answer).code).toBe('forbidden');
    const refused = { action: 'container.exec', projectId: project.id, code: 'forbidden' };
    await expect(eventOf(byKey.requestId)).resolves.toMatchObject({
      ...refused,
      actor: { kind: 'service', id: `key:${viewerKey.id}`, name: 'viewer' },
      credential: { kind: 'api_key', id: viewerKey.id },
      target: { kind: 'container', id: container.id, name: null },
    });
    const byUser = await identified(mixed.api, 'POST', `/api/containers/${container.name}/exec`, EXEC);
    expect(problem(byUser.answer).code).toBe('forbidden');
    await expect(eventOf(byUser.requestId)).resolves.toMatchObject({
      ...refused,
      actor: { kind: 'user', id: mixed.user.id },
      credential: { kind: 'session', id: mixed.session.id },
      target: { kind: 'container', id: null, name: container.name },
    });
    for (const { requestId } of [byKey, byUser]) {
      await expect(eventsOf(requestId, owner.api)).resolves.toHaveLength(1);
      await expect(eventsOf(requestId, foreigner)).resolves.toEqual([]);
    }
  });

  it.each<[string, string, () => string]>([
    ['a container', 'container.read', () => `containers/${container.id}`],
    ['a job', 'container.read', () => `jobs/${container.job!.id}`],
    ['a project', 'project.read', () => `projects/${project.id}`],
  ])('has that %s of another project was asked for, for administrators alone', async (_, action, path) => {
    const target = { id: path().split('/')[1]! };
    await expectHidden(await identified(foreigner, 'GET', `/api/${path()}`), { action, target });
  });

  it.each<[string, string, string, () => ApiRequest, string, object]>([
    ['a name', 'GET', 'containers/NAME', () => ({}), 'container.read', { kind: 'container', name: 'NAME' }],
    [
      'projectId in a query',
      'GET',
      'containers',
      () => ({ query: { projectId: project.id } }),
      'container.read',
      { kind: 'project' },
    ],
    [
      'projectId in a body',
      'POST',
      'containers',
      () => ({ body: { name: 'x', template: 'claude', projectId: project.id } }),
      'container.create',
      { kind: 'project' },
    ],
    [
      'projectId of a new key',
      'POST',
      'api-keys',
      () => ({ body: { name: 'x', projectId: project.id } }),
      'api_key.manage',
      { kind: 'project' },
    ],
  ])('has that something of another project was asked for by %s', async (_, method, path, request, action, target) => {
    const named = (text: string): string => text.replace('NAME', container.name);
    const asked = await identified(foreigner, method, `/api/${named(path)}`, request());
    const expected = JSON.parse(named(JSON.stringify(target))) as object;
    await expectHidden(asked, { action, target: { ...('name' in target ? {} : { id: project.id }), ...expected } });
  });

  it('has that a credential of another project was asked for, or named for a container', async () => {
    const { id } = ok(
      await server.api.request<{ id: string }>('POST', '/api/credentials', {
        body: { name: 'c', kind: 'anthropic_api_key', value: CANARY, projectId: project.id },
      }),
    );
    const target = { kind: 'credential', id };
    const asked = await identified(foreigner, 'DELETE', `/api/credentials/${id}`);
    await expectHidden(asked, { action: 'credential.manage', target });
    const body = { name: 'x', template: 'claude', credentials: [id] };
    const named = await identified(foreigner, 'POST', '/api/containers', { body });
    await expectHidden(named, { action: 'container.create', target });
  });

  it("has that somebody wanted to end another user's session", async () => {
    const asked = await identified(mixed.api, 'DELETE', `/api/sessions/${owner.session.id}`);
    const target = { kind: 'session', id: owner.session.id };
    await expectHidden(asked, { action: 'session.manage', target, actor: { id: mixed.user.id } });
  });

  it('has that a subscription named a container of another project', async () => {
    const socket = await SocketClient.connect(server.devforge.url, { token: foreignKey.key });
    const requestId = socket.socket.id!;
    const answer = await socket.ask('subscribe:metrics', { containerId: container.name });
    expect(answer).toMatchObject({ error: { code: 'container_not_found' } });
    await expect(eventOf(requestId)).resolves.toMatchObject({ projectId: null, target: { name: container.name } });
    socket.close();
  });

  it('has a key that exists with a wrong secret, by REST and by a socket', async () => {
    const token = withWrongSecret(viewerKey);
    const { requestId } = await identified(new ApiClient(server.devforge.url, token), 'GET', '/api/me');
    const refused = {
      actor: null,
      credential: { kind: 'api_key', id: viewerKey.id },
      projectId: project.id,
      code: 'unauthorized',
    };
    await expect(eventOf(requestId)).resolves.toMatchObject({ ...refused, action: 'info.read' });
    await expect(SocketClient.connect(server.devforge.url, { token })).rejects.toMatchObject({
      data: { code: 'unauthorized' },
    });
    await until('it is recorded', async () => (await auditOf(server.api, { action: 'socket' })).length > 0);
    await expect(auditOf(server.api, { action: 'socket' })).resolves.toEqual([
      expect.objectContaining({ ...refused, action: 'socket.connect' }),
    ]);
  });

  it('has an event of a socket that a role is not enough for', async () => {
    const socket = await SocketClient.connect(server.devforge.url, { token: viewerKey.key });
    const requestId = socket.socket.id!;
    await socket.ask('subscribe:status', { containerId: container.id });
    const payload = { containerId: container.id, cols: 80, rows: 24 };
    expect(await socket.ask('terminal:open', payload)).toMatchObject({ error: { code: 'forbidden' } });
    await expect(eventOf(requestId)).resolves.toMatchObject({
      action: 'container.terminal',
      code: 'forbidden',
      target: { kind: 'container', id: container.id },
      projectId: project.id,
    });
    socket.close();
    const foreign = await SocketClient.connect(server.devforge.url, { token: foreignKey.key });
    const foreignId = foreign.socket.id!;
    expect(await foreign.ask('terminal:open', payload)).toMatchObject({ error: { code: 'container_not_found' } });
    await expect(eventOf(foreignId)).resolves.toMatchObject({ action: 'container.terminal', projectId: null });
    foreign.close();
  });

  it('has failed sign-ins, without what was typed', async () => {
    const nobody = new ApiClient(publicUrlOf(server.devforge), null);
    const signIn = (email: string) =>
      identified(nobody, 'POST', '/api/sessions', { body: { email, password: `${CANARY}-password` } });
    const known = await signIn('OWNER@example.org');
    const unknown = await signIn(`${CANARY}@example.org`);
    const refused = { action: 'session.create', code: 'invalid_credentials', actor: null, credential: null };
    await expect(eventOf(known.requestId)).resolves.toMatchObject({
      ...refused,
      target: { kind: 'user', id: owner.user.id, name: 'owner@example.org' },
    });
    await expect(eventOf(unknown.requestId)).resolves.toMatchObject({
      ...refused,
      target: { kind: 'user', id: null, name: null },
    });
    expect(JSON.stringify(await auditOf(server.api))).not.toContain(CANARY);
  });

  it('has a change by a cookie without its CSRF token', async () => {
    const browser = new ApiClient(owner.api.url, null, { cookie: owner.cookie });
    const { requestId, answer } = await identified(browser, 'DELETE', '/api/sessions/current');
    expect(problem(answer).code).toBe('csrf_token_invalid');
    await expect(eventOf(requestId)).resolves.toMatchObject({
      action: 'session.manage',
      actor: { id: owner.user.id },
      credential: { kind: 'session', id: owner.session.id },
    });
  });

  it('has no event of what does not exist, or of callers of whom nothing is known', async () => {
    const strangers = [null, 'x', `df_${'0'.repeat(32)}_${'A'.repeat(43)}`];
    const asked = [
      await identified(foreigner, 'GET', `/api/containers/${randomUUID()}`),
      await identified(foreigner, 'GET', `/api/containers/${container.name}-x`),
      await identified(foreigner, 'GET', '/api/containers', { query: { projectId: randomUUID() } }),
      await identified(foreigner, 'DELETE', `/api/volumes/${randomUUID()}`),
      await identified(foreigner, 'GET', '/api/nothing'),
    ];
    for (const token of strangers)
      asked.push(await identified(new ApiClient(server.devforge.url, token), 'GET', '/api/containers'));
    expect(asked.map(({ answer }) => answer.status)).toEqual([404, 404, 404, 404, 404, 401, 401, 401]);
    // A later refusal is recorded after them.
    const { requestId } = await identified(foreigner, 'GET', `/api/containers/${container.id}`);
    await eventOf(requestId);
    for (const { requestId: none } of asked) await expect(eventsOf(none)).resolves.toEqual([]);
  });

  it('has a part of a flood', async () => {
    const { id, key } = await newKey(project.id, 'viewer');
    const flooding = new ApiClient(server.devforge.url, key);
    for (let round = 0; round < 10; round += 1)
      await Promise.all(
        Array.from({ length: 20 }, () => flooding.request('POST', `/api/containers/${container.id}/stop`)),
      );
    const count = async (): Promise<number> => (await auditOf(server.api, { actor: `key:${id}` })).length;
    await until('the first are recorded', async () => (await count()) >= 30);
    await expect(count()).resolves.toBeLessThan(35);
  });

  it('has that a kept volume of another project was to be attached or removed', async () => {
    ok(await server.api.request('DELETE', `/api/containers/${container.id}`, { query: { keepVolume: 'true' } }));
    const target = { kind: 'volume', id: container.id };
    const body = { name: 'x', template: 'claude', volume: container.id };
    const attached = await identified(foreigner, 'POST', '/api/containers', { body });
    await expectHidden(attached, { action: 'container.create', target });
    const name = `devforge-${container.id}-workspace`;
    const removed = await identified(foreigner, 'DELETE', `/api/volumes/${name}`);
    await expectHidden(removed, { action: 'container.delete', target });
    ok(await server.api.request('DELETE', `/api/volumes/${container.id}`));
  }, 60_000);
});
