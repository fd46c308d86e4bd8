/** Requests for what is in another project, in forms that the tables of authority.test.ts do not have. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { ApiClient, type ApiRequest, ok, problem } from '../support/api/client.js';
import { newSignedInUser } from '../support/api/signed-in.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const FILE = { path: '/workspace/x' };
const TAR = 'application/x-tar';
const SPEC = { template: 'claude', memoryLimit: 256 } as const;

describe('what is in another project', () => {
  let server: TestServer;
  let container: Container;
  let instruction: { id: string };
  let ours: { id: string };
  let theirs: { id: string };
  let foreignKey: string;
  let foreigner: ApiClient;

  const newProject = async (name: string): Promise<{ id: string }> =>
    ok(await server.api.request('POST', '/api/projects', { body: { name } }));

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    [ours, theirs] = [await newProject('ours'), await newProject('theirs')];
    const body = { ...SPEC, name: uniqueName('probed'), projectId: ours.id };
    container = ok(await server.api.create(body, { prefer: 'wait=60' }));
    const prompt = { body: { prompt: 'hello' } };
    instruction = ok(await server.api.request('POST', `/api/containers/${container.id}/instructions`, prompt));
    await server.api.request('POST', `/api/instructions/${instruction.id}/cancel`);
    const key = { body: { name: 'foreign', role: 'owner', projectId: theirs.id } };
    foreignKey = ok(await server.api.request<{ key: string }>('POST', '/api/api-keys', key)).key;
    foreigner = new ApiClient(server.devforge.url, foreignKey);
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  it.each<[string, string, ApiRequest]>([
    ['GET', 'logs', { query: { tail: '10' } }],
    ['GET', 'logs', { query: { follow: 'true' } }],
    ['GET', 'logs', { query: { follow: 'true' }, headers: { accept: 'application/x-ndjson' } }],
    ['GET', 'metrics', {}],
    ['GET', 'files', { query: { path: '/workspace' } }],
    ['GET', 'files', { query: { path: '/workspace' }, headers: { accept: TAR } }],
    ['GET', 'files', { query: FILE, headers: { range: 'bytes=0-1', 'if-none-match': '"x"' } }],
    ['PUT', 'files', { query: FILE, body: 'x', headers: { 'if-match': '*' } }],
    ['PUT', 'files', { query: { path: '/workspace' }, body: Buffer.alloc(1_024), headers: { 'content-type': TAR } }],
    ['DELETE', 'files', { query: FILE }],
    ['POST', 'exec', { body: { command: ['true'], stdin: 'x' } }],
    ['GET', 'instructions', { query: { limit: '1' } }],
    ['DELETE', '', { query: { keepVolume: 'true' } }],
  ])('is not found by %s of %s, by id or name', async (method, path, request) => {
    for (const reference of [container.id, container.name]) {
      const answer = await foreigner.request(
        method,
        `/api/containers/${reference}/${path}`.replace(/\/$/, ''),
        request,
      );
      expect([answer.status, problem(answer).code]).toEqual([404, 'container_not_found']);
    }
  });

  it.each<[string, ApiRequest]>([
    ['events', {}],
    ['events', { query: { follow: 'true' } }],
    ['events', { query: { follow: 'true', format: 'text' } }],
    ['events', { headers: { accept: 'text/event-stream', 'last-event-id': '0' } }],
    ['diff', {}],
    ['', {}],
  ])('is not found by GET of %s of an instruction', async (path, request) => {
    const url = `/api/instructions/${instruction.id}/${path}`.replace(/\/$/, '');
    const answer = await foreigner.request('GET', url, request);
    expect([answer.status, problem(answer).code]).toEqual([404, 'instruction_not_found']);
  });

  it('is in no list, and filters do not find it', async () => {
    const list = async (path: string, query: Record<string, string>): Promise<unknown[]> =>
      ok(await foreigner.request<{ items: unknown[] }>('GET', path, { query })).items;
    await expect(list('/api/containers', { includeMetrics: 'true' })).resolves.toEqual([]);
    await expect(list('/api/instructions', {})).resolves.toEqual([]);
    await expect(list('/api/volumes', {})).resolves.toEqual([]);
    const ofContainer = { query: { containerId: container.id } };
    const answer = await foreigner.request('GET', '/api/instructions', ofContainer);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([
      expect.any(Number),
      expect.not.stringContaining('hello'),
    ]);
    for (const path of ['/api/containers', '/api/instructions', '/api/volumes', '/api/audit', '/api/api-keys']) {
      const other = await foreigner.request('GET', path, { query: { projectId: ours.id } });
      expect([path, other.status]).toEqual([path, 404]);
    }
  });

  it('is named by the metrics of the server to administrators alone, however they are asked for', async () => {
    const keyOf = async (role: string, projectId = ours.id): Promise<ApiClient> => {
      const made = await server.api.request<{ key: string }>('POST', '/api/api-keys', {
        body: { name: role, role, projectId },
      });
      return new ApiClient(server.devforge.url, ok(made).key);
    };
    const user = await newSignedInUser(server.api, { email: 'scraper@example.org', projects: { [ours.id]: 'owner' } });
    const others = [
      foreigner,
      user.api,
      ...(await Promise.all(['viewer', 'member', 'owner'].map((role) => keyOf(role)))),
    ];
    for (const path of ['/metrics', '/METRICS', '/metrics/', '/%6detrics', '/metrics?name[]=devforge_container_info'])
      for (const each of others)
        for (const accept of ['*/*', 'text/plain', 'application/openmetrics-text']) {
          const answer = await each.request('GET', path, { headers: { accept } });
          expect([path, [403, 404].includes(answer.status)]).toEqual([path, true]);
          expect(JSON.stringify(answer.body)).not.toContain(container.name);
        }
    const scraped = ok(await server.api.request<string>('GET', '/metrics'));
    for (const part of [container.id, container.name]) expect(scraped).toContain(part);
  });

  it('sends its metrics to subscribers in its project alone', async () => {
    const [own, foreign] = await Promise.all(
      [server.devforge.token, foreignKey].map((token) => SocketClient.connect(server.devforge.url, { token })),
    );
    const payload = { containerId: container.id, interval: 500 };
    expect(await foreign!.ask('subscribe:metrics', payload)).toMatchObject({ error: { code: 'container_not_found' } });
    expect(await own!.ask('subscribe:metrics', payload)).toMatchObject({ ok: true });
    await until('three samples', () => own!.all('metrics:update').length >= 3);
    // Nor does it learn whether others watch.
    expect(await foreign!.ask('unsubscribe:metrics', { containerId: container.id })).toMatchObject({
      error: { code: 'container_not_found' },
    });
    expect([foreign!.all('metrics:update'), foreign!.all('metrics:error')]).toEqual([[], []]);
    for (const each of [own!, foreign!]) each.close();
  });

  it('sends no event to a socket that asks for all that it may see', async () => {
    const socket = await SocketClient.connect(server.devforge.url, { token: foreignKey });
    const own = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    for (const each of [socket, own]) expect(await each.ask('subscribe:status', {})).toMatchObject({ ok: true });
    for (const event of ['subscribe:metrics', 'subscribe:logs', 'subscribe:status'])
      for (const containerId of [container.id, container.name])
        expect(await socket.ask(event, { containerId })).toMatchObject({ error: { code: 'container_not_found' } });
    ok(await server.api.request('POST', `/api/containers/${container.id}/stop`));
    await until('the stop', () => own.all('status:update').some(({ status }) => status === 'stopped'));
    expect(await socket.ask('unsubscribe:status', {})).toMatchObject({ ok: true });
    expect(JSON.stringify(socket.all('status:update'))).not.toContain(container.id);
    for (const each of [socket, own]) each.close();
  });

  it('is not given to somebody who repeats the creation of before after leaving the project', async () => {
    const leaver = await newSignedInUser(server.api, {
      email: 'leaver@example.org',
      projects: { [ours.id]: 'member' },
    });
    const [named, unnamed] = [randomUUID(), randomUUID()];
    const bodies = [
      { key: named, body: { ...SPEC, name: uniqueName('repeated'), projectId: ours.id } },
      { key: unnamed, body: { ...SPEC, name: uniqueName('repeated') } },
    ];
    const create = ({ key, body }: (typeof bodies)[number]) =>
      leaver.api.request<Container>('POST', '/api/containers', { body, headers: { 'idempotency-key': key } });
    for (const each of bodies) server.api.accepted.add(ok(await create(each)).id);
    const membership = (project: { id: string }): string => `/api/projects/${project.id}/members/${leaver.user.id}`;
    ok(await server.api.request('DELETE', membership(ours)));
    ok(await server.api.request('PUT', membership(theirs), { body: { role: 'member' } }));
    const [byName, byDefault] = [await create(bodies[0]!), await create(bodies[1]!)];
    expect([byName.status, problem(byName).code]).toEqual([404, 'project_not_found']);
    // The same body means the other project by now.
    expect(problem(byDefault).code).toBe('idempotency_key_reused');
    ok(await server.api.request('PUT', membership(ours), { body: { role: 'viewer' } }));
    expect(problem(await create(bodies[0]!)).code).toBe('forbidden');
    for (const each of [byName, byDefault]) expect(JSON.stringify(each.body)).not.toContain('"createdAt"');
  });
});
