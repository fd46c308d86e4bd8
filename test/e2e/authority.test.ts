/** Who may call what: every route and socket event, for every kind of caller. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientToServerEvents } from '@devforge/contract';
import { ApiClient, ok, problem } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { PAGES, PUBLIC_ROUTES } from '../support/api/public-routes.js';
import { type Least, ROLES, ROUTES } from '../support/api/route-authority.js';
import { ROUTE_BODIES } from '../support/api/route-bodies.js';
import { newSignedInUser, publicUrlOf, signIn, type SignedIn } from '../support/api/signed-in.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { siteHelpers } from '../support/editor/site-helpers.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const EVENTS: Record<keyof ClientToServerEvents, Least> = {
  'subscribe:metrics': 'viewer',
  'unsubscribe:metrics': 'viewer',
  'subscribe:status': 'viewer',
  'unsubscribe:status': 'viewer',
  'subscribe:logs': 'viewer',
  'unsubscribe:logs': 'viewer',
  'subscribe:instruction': 'viewer',
  'unsubscribe:instruction': 'viewer',
  'terminal:open': 'member',
  'terminal:input': 'member',
  'terminal:resize': 'member',
  'terminal:detach': 'member',
  'terminal:close': 'member',
};

const ABSENT = '00000000-0000-4000-8000-00000000dead';
const DEFAULT_PROJECT = '00000000-0000-4000-8000-000000000001';
/** All that a workspace has to ask for the model's API with. */
const WORKSPACE_TOKEN = 'sk-ant-api03-kept-by-devforge';

interface Caller {
  name: string;
  token: string | null;
  /** null for those who are nobody. */
  role: 'viewer' | 'member' | 'owner' | 'administrator' | null;
  project: 'default' | 'other';
  /** Of a browser that is signed in. */
  browser?: SignedIn;
  cookie?: string;
  isUser?: boolean;
}

describe('authority', () => {
  let proxy: EngineProxy;
  let server: TestServer;
  let container: Container;
  let other: { id: string; name: string };
  /** Ids of existing objects in the default project, by the first part of the path. */
  let existing: Record<string, string>;
  const callers: Caller[] = [];

  const newKey = async (body: object): Promise<{ id: string; key: string }> => {
    const answer = await server.api.request<{ id: string; key: string }>('POST', '/api/api-keys', {
      body: { name: 'test', ...body },
    });
    expect(answer.status).toBe(201);
    return answer.body;
  };
  const client = ({ token, browser, cookie }: Pick<Caller, 'token' | 'browser' | 'cookie'>): ApiClient =>
    browser?.api ?? new ApiClient(publicUrlOf(server.devforge), token, cookie === undefined ? {} : { cookie });
  const callerNamed = (name: string): Caller => callers.find((caller) => caller.name === name)!;
  const may = ({ role, isUser = false }: Caller, least: Least): boolean => {
    if (least === 'anybody' || role === 'administrator' || (least.endsWith(' or user') && isUser)) return true;
    if (least === 'administrator' || role === null) return false;
    return ROLES.indexOf(role) >= ROLES.indexOf(least.replace(' or user', '') as (typeof ROLES)[number]);
  };

  /** Browsers that are signed in, a user's own key, and a user who has been disabled since. */
  const addUsers = async (): Promise<void> => {
    const signedIn = (email: string, role?: string): Promise<SignedIn> =>
      newSignedInUser(server.api, {
        email: `${email}@example.org`,
        ...(role === undefined ? { role: 'admin' } : { projects: { [DEFAULT_PROJECT]: role } }),
      });
    for (const role of ROLES) {
      const browser = await signedIn(role, role);
      callers.push({ name: `signed-in ${role}`, token: null, role, project: 'default', browser, isUser: true });
    }
    const admin = await signedIn('admin');
    callers.push({ name: 'signed-in admin', token: null, role: 'administrator', project: 'default', browser: admin });
    const { key } = ok(
      await callerNamed('signed-in member').browser!.api.request<{ key: string }>('POST', '/api/api-keys', {
        body: { name: 'laptop' },
      }),
    );
    callers.push({ name: 'key of a member', token: key, role: 'member', project: 'default', isUser: true });
    const disabled = await signedIn('disabled', 'owner');
    const { key: disabledKey } = ok(
      await disabled.api.request<{ key: string }>('POST', '/api/api-keys', { body: { name: 'laptop' } }),
    );
    ok(await server.api.request('PATCH', `/api/users/${disabled.user.id}`, { body: { disabled: true } }));
    callers.push(
      { name: 'disabled user', token: null, role: null, project: 'default', browser: disabled },
      { name: 'key of a disabled user', token: disabledKey, role: null, project: 'default' },
    );
  };

  beforeAll(async () => {
    proxy = await EngineProxy.start();
    server = await startTestServer(proxy.env);
    await ensureImages(server, 'claude');
    container = ok(
      await server.api.create({ name: uniqueName('authority'), template: 'claude' }, { prefer: 'wait=60' }),
    );
    const instruction = ok(
      await server.api.request<{ id: string }>('POST', `/api/containers/${container.id}/instructions`, {
        body: { prompt: 'hello' },
      }),
    );
    await server.api.request('POST', `/api/instructions/${instruction.id}/cancel`);
    const kept = { name: uniqueName('kept'), template: 'claude' } as const;
    const { id: volume } = ok(await server.api.create(kept, { prefer: 'wait=60' }));
    await server.api.remove(volume, { keepVolume: true });
    other = ok(await server.api.request('POST', '/api/projects', { body: { name: 'other' } }));
    for (const role of ROLES) {
      const { key } = await newKey({ role, expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
      callers.push({ name: role, token: key, role, project: 'default' });
    }
    const foreign = await newKey({ role: 'owner', projectId: other.id });
    const expired = await newKey({ role: 'owner', expiresAt: new Date(Date.now() + 500).toISOString() });
    const revoked = await newKey({ role: 'owner' });
    expect((await server.api.request('DELETE', `/api/api-keys/${revoked.id}`)).status).toBe(204);
    const last = (key: string): string => `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    callers.push(
      { name: 'owner of another project', token: foreign.key, role: 'owner', project: 'other' },
      { name: 'nobody', token: null, role: null, project: 'default' },
      { name: 'expired key', token: expired.key, role: null, project: 'default' },
      { name: 'revoked key', token: revoked.key, role: null, project: 'default' },
      { name: 'wrong secret', token: last(callers[0]!.token!), role: null, project: 'default' },
    );
    await addUsers();
    const site = await siteHelpers(() => server).signedIn(container, 3000);
    callers.push(
      { name: 'site cookie', token: null, role: null, project: 'default', cookie: site.cookie! },
      { name: 'workspace token', token: WORKSPACE_TOKEN, role: null, project: 'default' },
    );
    const credential = { name: 'c', kind: 'anthropic_api_key', value: 'not-a-real-key' };
    const saved = `/api/containers/${container.id}/snapshots`;
    const snapshot = ok(await server.api.request<{ id: string }>('POST', saved));
    existing = {
      containers: container.id,
      instructions: instruction.id,
      jobs: container.job!.id,
      projects: DEFAULT_PROJECT,
      snapshots: snapshot.id,
      volumes: volume,
      'api-keys': (await newKey({ role: 'viewer' })).id,
      credentials: ok(await server.api.request<{ id: string }>('POST', '/api/credentials', { body: credential })).id,
    };
    // The key that was made to expire has done so by now.
    await sleep(500);
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    // Nothing else ends with its server but containers.
    if (existing !== undefined) await server.api.request('DELETE', `/api/snapshots/${existing['snapshots']}`);
    await server?.dispose();
    await proxy?.close();
  }, 60_000);

  const call = (caller: Caller, route: string, isExisting: boolean) => {
    const [method = '', pattern = ''] = route.split(' ');
    const kind = pattern.split('/')[2] ?? '';
    const path = pattern
      .replace('{id}', isExisting ? (existing[kind] ?? ABSENT) : ABSENT)
      .replace('{port}', '3000')
      .replaceAll(/\{\w+\}/g, ABSENT);
    const body =
      ROUTE_BODIES[route] ?? (method === 'GET' || method === 'DELETE' ? undefined : method === 'PUT' ? 'text' : {});
    return client(caller).request(method, path, {
      ...(body === undefined ? {} : { body }),
      query: pattern.endsWith('/files') ? { path: '/workspace/x' } : {},
    });
  };

  it('is decided for every route of the API', async () => {
    const { paths } = ok(
      await server.api.request<{ paths: Record<string, Record<string, { 'x-permission'?: string }>> }>(
        'GET',
        '/docs/openapi.json',
      ),
    );
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
    );
    const guarded = routes.filter(({ route }) => !route.startsWith('GET /health') && !PUBLIC_ROUTES.includes(route));
    expect(guarded.map(({ route }) => route).toSorted()).toEqual(Object.keys(ROUTES).toSorted());
    expect(guarded.filter(({ operation }) => operation['x-permission'] === undefined)).toEqual([]);
  });

  it.each(PAGES)('is not asked for: %s', async (path) => {
    for (const caller of callers)
      expect([caller.name, (await client(caller).request('GET', path)).status]).toEqual([caller.name, 200]);
  });

  describe.each(Object.entries(ROUTES))('of %s', (route, least) => {
    it(`gives it to ${least}, refuses everybody else, and asks the engine nothing for them`, async () => {
      const before = proxy.requests.length;
      for (const caller of callers) {
        const expected = caller.role === null ? 401 : may(caller, least) ? null : 403;
        if (expected === null) continue;
        const answer = await call(caller, route, true);
        expect([caller.name, answer.status]).toEqual([caller.name, expected]);
        expect(problem(answer).code).toBe(expected === 401 ? 'unauthorized' : 'forbidden');
      }
      const asked = proxy.requests.slice(before).map(({ url }) => url);
      expect(asked.filter((url) => url.includes(container.dockerId!))).toEqual([]);
      for (const caller of callers) {
        if (caller.role === null || !may(caller, least)) continue;
        const answer = await call(caller, route, false);
        const { browser } = caller;
        // Signing out is for everybody, too.
        if (browser !== undefined && route === 'DELETE /api/sessions/current')
          caller.browser = await signIn(browser.api.url, browser.user);
        expect([caller.name, [401, 403].includes(answer.status)]).toEqual([caller.name, false]);
      }
    });
  });

  it.each(Object.keys(ROUTES).filter((route) => route.includes('{id}') && !/projects|users|sessions/.test(route)))(
    'hides what belongs to one project from the owner of another: %s',
    async (route) => {
      const caller = callerNamed('owner of another project');
      const answer = await call(caller, route, true);
      expect(answer.status).toBe(404);
      expect(problem(answer).code).toMatch(/_not_found$/);
    },
  );

  it('shows each caller the projects, containers and keys that are theirs', async () => {
    const theirs = async (caller: Caller, path: string): Promise<string[]> =>
      ok(await client(caller).request<{ items: { id: string }[] }>('GET', path)).items.map(({ id }) => id);
    const [owner, foreigner] = [callerNamed('owner'), callerNamed('owner of another project')];
    await expect(theirs(owner, '/api/projects')).resolves.toEqual([DEFAULT_PROJECT]);
    await expect(theirs(foreigner, '/api/projects')).resolves.toEqual([other.id]);
    await expect(theirs(owner, '/api/containers')).resolves.toEqual([container.id]);
    await expect(theirs(foreigner, '/api/containers')).resolves.toEqual([]);
    for (const path of ['/api/volumes', '/api/snapshots', '/api/instructions']) {
      const kind = path.split('/')[2]!;
      await expect(theirs(owner, path)).resolves.toContain(existing[kind]);
      await expect(theirs(foreigner, path)).resolves.toEqual([]);
    }
    await expect(theirs(owner, '/api/api-keys')).resolves.toContain(existing['api-keys']);
    await expect(theirs(foreigner, '/api/api-keys')).resolves.toHaveLength(1);
    await expect(theirs(owner, '/api/credentials')).resolves.toEqual([existing['credentials']]);
    await expect(theirs(foreigner, '/api/credentials')).resolves.toEqual([]);
    expect(ok(await client(foreigner).request('GET', '/api/me'))).toMatchObject({
      kind: 'service',
      name: 'test',
      projects: [{ id: other.id, name: 'other', role: 'owner' }],
    });
    const elsewhere = ['containers', 'instructions', 'volumes', 'snapshots', 'api-keys', 'credentials'].map(
      (kind) => `/api/${kind}?projectId=${DEFAULT_PROJECT}`,
    );
    for (const path of [...elsewhere, '/api/projects/default'])
      expect((await client(foreigner).request('GET', path)).status).toBe(404);
  });

  it('keeps what a key makes in its own project', async () => {
    const foreigner = client(callerNamed('owner of another project'));
    const body = { name: 'x', template: 'claude', projectId: DEFAULT_PROJECT } as const;
    const answers = [
      await foreigner.request('POST', '/api/containers', { body }),
      await foreigner.request('POST', '/api/api-keys', { body: { name: 'x', projectId: DEFAULT_PROJECT } }),
    ];
    for (const answer of answers) expect([answer.status, problem(answer).code]).toEqual([404, 'project_not_found']);
    const volume = await foreigner.request('POST', '/api/containers', {
      body: { name: 'x', template: 'claude', volume: existing['volumes'] },
    });
    expect([volume.status, problem(volume).code]).toEqual([404, 'volume_not_found']);
    const mine = ok(await foreigner.request<{ projectId: string }>('POST', '/api/api-keys', { body: { name: 'x' } }));
    expect(mine.projectId).toBe(other.id);
  });

  describe('of socket events', () => {
    const connect = ({ token, browser }: Caller): Promise<SocketClient> =>
      SocketClient.connect(publicUrlOf(server.devforge), {
        ...(token === null ? {} : { token }),
        ...(browser === undefined ? {} : { cookie: browser.cookie, origin: publicUrlOf(server.devforge) }),
      });
    const payloadOf = (event: string, id: string): object => {
      if (event.endsWith(':instruction')) return { instructionId: id };
      if (event === 'terminal:open') return { containerId: id, cols: 80, rows: 24 };
      if (event === 'terminal:input') return { terminalId: ABSENT, data: 'x' };
      if (event === 'terminal:resize') return { terminalId: ABSENT, cols: 80, rows: 24 };
      return event.startsWith('terminal:') ? { terminalId: ABSENT } : { containerId: id };
    };

    it('refuses a connection without a valid credential', async () => {
      for (const caller of callers.filter(({ role }) => role === null))
        await expect(connect(caller)).rejects.toMatchObject({ data: { code: 'unauthorized' } });
    });

    it('gives each event to the roles that may send it', async () => {
      for (const caller of callers.filter(({ role }) => role !== null)) {
        const socket = await connect(caller);
        for (const [event, least] of Object.entries(EVENTS)) {
          const { error } = await socket.ask(event, payloadOf(event, ABSENT));
          const outcome = error?.code === 'forbidden' ? 'refused' : 'allowed';
          expect([caller.name, event, outcome]).toEqual([
            caller.name,
            event,
            may(caller, least) ? 'allowed' : 'refused',
          ]);
        }
        socket.close();
      }
    });

    it('hides what belongs to one project from the owner of another', async () => {
      const socket = await connect(callerNamed('owner of another project'));
      for (const event of Object.keys(EVENTS).filter((name) => /subscribe|open/.test(name))) {
        const id = event.endsWith(':instruction') ? existing['instructions']! : container.id;
        const { error } = await socket.ask(event, payloadOf(event, id));
        expect([event, error?.code]).toEqual([event, expect.stringMatching(/_not_found$/)]);
      }
      expect(await socket.ask('subscribe:status', {})).toMatchObject({ ok: true });
      const administrator = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
      await administrator.ask('subscribe:status', {});
      await server.api.stop(container.id);
      ok(await server.api.start(container.id));
      await until('it runs again', () => administrator.all('status:update').some(({ status }) => status === 'running'));
      expect(socket.all('status:update')).toEqual([]);
      socket.close();
      administrator.close();
    });
  });

  it('ends with the key within five seconds, also for open sockets and streams', async () => {
    const { id, key } = await newKey({ role: 'member' });
    const socket = await SocketClient.connect(server.devforge.url, { token: key });
    const stream = await fetch(`${server.devforge.url}/api/containers/${container.id}/logs?follow=true`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(stream.status).toBe(200);
    const ended = stream.text().then(
      () => Date.now(),
      () => Date.now(),
    );
    const at = Date.now();
    expect((await server.api.request('DELETE', `/api/api-keys/${id}`)).status).toBe(204);
    await until('the socket is closed', () => !socket.socket.connected);
    expect((await ended) - at).toBeLessThan(5_000);
    expect(Date.now() - at).toBeLessThan(5_000);
    expect((await client({ token: key }).list()).status).toBe(401);
  });

  describe('of a project', () => {
    let project: { id: string };
    let member: ApiClient;
    const create = (body: object) => member.request('POST', '/api/containers', { body });

    beforeAll(async () => {
      project = ok(
        await server.api.request('POST', '/api/projects', {
          body: { name: 'small', quotas: { containers: 10, cpu: 5, memoryMB: 100_000 } },
        }),
      );
      member = client({ token: (await newKey({ projectId: project.id })).key });
    });

    it('admits ten containers of fifty-one, however many ask at once, and says which quota is reached', async () => {
      // The engine refuses to make any of them, since only their number matters here.
      proxy.fail((request) => request.method === 'POST' && request.url.includes('/containers/create'), 500, 'not now');
      const spec = { template: 'claude', cpuLimit: 0.5, memoryLimit: 256 } as const;
      const repeated = () => member.create({ name: 'repeated', ...spec }, { 'idempotency-key': 'r' });
      const first = ok(await repeated());
      server.api.accepted.add(first.id);
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => create({ name: `c-${index}`, ...spec })),
      );
      const accepted = answers.filter(({ status }) => status === 202);
      for (const { body } of accepted) server.api.accepted.add((body as Container).id);
      const refused = answers.filter(({ status }) => status !== 202);
      expect([accepted.length, refused.length]).toEqual([9, 41]);
      expect(ok(await repeated()).id).toBe(first.id);
      for (const answer of refused)
        expect(problem(answer)).toMatchObject({
          status: 403,
          code: 'quota_exceeded',
          quota: expect.stringMatching(/^(containers|cpu)$/),
        });
      proxy.fail(({ url }) => url.includes('/_ping'), 500, 'away');
      expect(problem(await create({ name: 'one-more', ...spec })).code).toBe('quota_exceeded');
      expect(ok(await member.request('GET', `/api/projects/${project.id}/usage`))).toMatchObject({
        containers: { used: 10, limit: 10 },
        cpu: { used: 5, limit: 5 },
        memoryMB: { used: 2_560, limit: 100_000 },
        running: { used: 10, limit: null },
      });
      proxy.reset();
      for (const id of [first.id, ...accepted.map(({ body }) => (body as Container).id)])
        expect((await server.api.remove(id)).status).toBe(204);
    });

    it('lets two projects have a container of one name, and each find its own', async () => {
      const mine = await create({ name: container.name, template: 'claude' });
      expect(mine.status).toBe(202);
      const { id } = mine.body as Container;
      server.api.accepted.add(id);
      expect(ok(await member.get(container.name)).id).toBe(id);
      expect(ok(await client(callerNamed('viewer')).get(container.name)).id).toBe(container.id);
      // The administrator sees both, and the default project comes first.
      expect(ok(await server.api.get(container.name)).id).toBe(container.id);
      expect((await server.api.request('DELETE', `/api/projects/${project.id}`)).status).toBe(409);
      await server.api.remove(id);
    });

    it('ends with its keys when it has no containers left', async () => {
      await until(
        'its containers are removed',
        async () => ok(await server.api.list({ projectId: project.id })).items.length === 0,
      );
      expect((await server.api.request('DELETE', `/api/projects/${project.id}`)).status).toBe(204);
      expect((await member.list()).status).toBe(401);
      expect((await server.api.request('DELETE', '/api/projects/default')).status).toBe(409);
      expect((await server.api.request('GET', `/api/projects/${randomUUID()}`)).status).toBe(404);
    });
  });
});
