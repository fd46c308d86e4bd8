/** Ids of the API in upper case, which RFC 9562 has readers accept. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiResponse, ok, problem } from '../support/api/client.js';
import { newSignedInUser, type SignedIn } from '../support/api/signed-in.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { SocketClient } from '../support/sockets/socket-client.js';

type Named = { id: string };
type Items = { items: (Named & Record<string, unknown>)[] };

const SPEC = { template: 'claude', memoryLimit: 256 } as const;

describe('an id in upper case', () => {
  let server: TestServer;
  let project: Named;
  let container: Container;
  let instruction: Named;
  let credential: Named;
  let user: SignedIn;

  const call = <T>(
    method: string,
    path: string,
    body?: object,
    query?: Record<string, string>,
  ): Promise<ApiResponse<T>> => server.api.request<T>(method, path, { ...(body && { body }), ...(query && { query }) });
  const listed = async (path: string, query: Record<string, string>): Promise<string[]> =>
    ok(await call<Items>('GET', path, undefined, query)).items.map(({ id }) => id);

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    project = ok(await call('POST', '/api/projects', { name: 'upper' }));
    const value = {
      name: 'token',
      kind: 'git_https_token',
      host: 'git.example.org',
      value: 'not-a-token',
      projectId: project.id,
    };
    credential = ok(await call('POST', '/api/credentials', value));
    user = await newSignedInUser(server.api, { email: 'upper@example.org' });
    const body = { ...SPEC, name: uniqueName('upper'), projectId: project.id.toUpperCase() };
    container = ok(await server.api.create(body, { prefer: 'wait=60' }));
    instruction = ok(await call('POST', `/api/containers/${container.id}/instructions`, { prompt: 'hello' }));
    await call('POST', `/api/instructions/${instruction.id.toUpperCase()}/cancel`);
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  it('finds what it is the id of in a path', async () => {
    expect(container.projectId).toBe(project.id);
    const paths = {
      [`/api/containers/${container.id.toUpperCase()}`]: container.id,
      [`/api/jobs/${container.job!.id.toUpperCase()}`]: container.job!.id,
      [`/api/projects/${project.id.toUpperCase()}`]: project.id,
      [`/api/instructions/${instruction.id.toUpperCase()}`]: instruction.id,
      [`/api/users/${user.user.id.toUpperCase()}`]: user.user.id,
    };
    for (const [path, id] of Object.entries(paths))
      expect([path, ok(await call<Named>('GET', path)).id]).toEqual([path, id]);
  });

  it('finds what it is the id of in a filter', async () => {
    const projectId = project.id.toUpperCase();
    await expect(listed('/api/containers', { projectId })).resolves.toEqual([container.id]);
    await expect(listed('/api/instructions', { projectId })).resolves.toEqual([instruction.id]);
    await expect(listed('/api/credentials', { projectId })).resolves.toEqual([credential.id]);
    await expect(listed('/api/sessions', { userId: user.user.id.toUpperCase() })).resolves.toEqual([user.session.id]);
    const target = { target: container.id.toUpperCase(), action: 'container.create' };
    await expect(listed('/api/audit', target)).resolves.toHaveLength(1);
  });

  it('is the same credential, once', async () => {
    const [id, upper] = [credential.id, credential.id.toUpperCase()];
    const change = (credentials: string[]): Promise<ApiResponse<Container>> =>
      call('PATCH', `/api/containers/${container.id}`, { credentials });
    expect(ok(await change([upper])).credentials).toMatchObject([{ id }]);
    expect(problem(await change([id, upper]))).toMatchObject({ status: 400, code: 'validation_failed' });
  });

  it('is that of a member, and of the one who asks', async () => {
    const members = `/api/projects/${project.id.toUpperCase()}/members/${user.user.id.toUpperCase()}`;
    expect(ok(await call('PUT', members, { role: 'viewer' }))).toMatchObject({ userId: user.user.id });
    expect((await call('DELETE', members)).status).toBe(204);
    const admin = await newSignedInUser(server.api, { email: 'admin@example.org', role: 'admin' });
    const self = `/api/users/${admin.user.id.toUpperCase()}`;
    for (const answer of [
      await admin.api.request('DELETE', self),
      await admin.api.request('PATCH', self, { body: { disabled: true } }),
    ])
      expect(problem(answer)).toMatchObject({ status: 409, code: 'invalid_state' });
  });

  it('subscribes a socket to what it is the id of', async () => {
    const socket = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    const containerId = container.id.toUpperCase();
    for (const event of ['subscribe:status', 'unsubscribe:status', 'subscribe:metrics', 'unsubscribe:metrics'])
      expect(await socket.ask(event, { containerId })).toMatchObject({ ok: true });
    const instructionId = instruction.id.toUpperCase();
    for (const event of ['subscribe:instruction', 'unsubscribe:instruction'])
      expect(await socket.ask(event, { instructionId })).toMatchObject({ ok: true });
    socket.close();
  });
});
