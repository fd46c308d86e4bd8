/** What somebody with a credential might try: more than its limits, what outlives it, and what other projects have. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { ApiClient, ok, problem } from '../support/api/client.js';
import { cookieOf, newSignedInUser, type OwnSession, publicUrlOf } from '../support/api/signed-in.js';
import type { CreateContainer } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';

interface Key {
  id: string;
  key: string;
  createdBy: string;
  expiresAt: string | null;
}

const inHours = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();
const small = (more: Partial<CreateContainer> = {}): CreateContainer => ({
  name: uniqueName('attack'),
  template: 'claude',
  memoryLimit: 256,
  ...more,
});

describe('an attacker with a credential', () => {
  let server: TestServer;
  let ours: { id: string };
  let theirs: { id: string };

  const newProject = async (): Promise<{ id: string }> =>
    ok(
      await server.api.request<{ id: string }>('POST', '/api/projects', {
        body: { name: `p-${randomUUID().slice(0, 8)}` },
      }),
    );
  const as = (key: Key): ApiClient => new ApiClient(server.devforge.url, key.key);
  const makeKey = (client: ApiClient, body: object): Promise<Key> =>
    client.request<Key>('POST', '/api/api-keys', { body: { name: 'test', ...body } }).then(ok);

  beforeAll(async () => {
    server = await startTestServer({ MAX_QUEUED: '3', RATE_LIMIT_REQUESTS: '600' });
    await ensureImages(server, 'claude');
    [ours, theirs] = [await newProject(), await newProject()];
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  it('is limited in requests that are refused, too', async () => {
    const member = as(await makeKey(server.api, { projectId: ours.id }));
    const answers = await Promise.all(Array.from({ length: 150 }, () => member.request('GET', '/api/users')));
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses).toEqual(new Set([403, 429]));
  });

  it('makes no key that outlives its own', async () => {
    const owner = await makeKey(server.api, { projectId: ours.id, role: 'owner', expiresAt: inHours(1) });
    expect(owner.createdBy).toBe('admin');
    const refused = await as(owner).request('POST', '/api/api-keys', { body: { name: 'x', expiresAt: inHours(2) } });
    expect(problem(refused)).toMatchObject({ status: 400, code: 'validation_failed' });
    const child = await makeKey(as(owner), { role: 'owner' });
    expect(child).toMatchObject({ createdBy: `key:${owner.id}`, expiresAt: owner.expiresAt });
    const grandchild = await makeKey(as(child), { expiresAt: inHours(0.5) });
    expect((await as(grandchild).list()).status).toBe(200);

    expect((await server.api.request('DELETE', `/api/api-keys/${owner.id}`)).status).toBe(204);
    for (const key of [owner, child, grandchild]) expect((await as(key).list()).status).toBe(401);
  });

  describe.each(['by-token', 'by-link'] as const)('who signs in with a key, %s,', (way) => {
    const signIn = async (key: Key): Promise<{ api: ApiClient; session: OwnSession & { expiresAt: string } }> => {
      const url = publicUrlOf(server.devforge);
      const link = (): Promise<string> =>
        as(key)
          .request<{ url: string }>('POST', '/api/session-links')
          .then((answer) => new URL(ok(answer).url).hash.slice(1));
      const body = way === 'by-token' ? { token: key.key } : { secret: await link() };
      const answer = await new ApiClient(url, null).request<OwnSession & { expiresAt: string }>(
        'POST',
        `/api/sessions/${way}`,
        { body },
      );
      const session = ok(answer);
      const seconds = Number(/Max-Age=(\d+)/.exec(answer.headers.getSetCookie()[0]!)![1]);
      expect(Math.abs(Date.parse(session.expiresAt) - Date.now() - seconds * 1_000)).toBeLessThan(60_000);
      const headers = { cookie: cookieOf(answer), 'x-csrf-token': session.csrfToken };
      return { session, api: new ApiClient(url, null, headers) };
    };

    it('gets a session, links and keys that end with the key of a project', async () => {
      const owner = await makeKey(server.api, { projectId: ours.id, role: 'owner', expiresAt: inHours(0.1) });
      const { api, session } = await signIn(owner);
      expect(session.expiresAt).toBe(owner.expiresAt);
      const link = ok(await api.request<{ expiresAt: string }>('POST', '/api/session-links'));
      expect(link.expiresAt).toBe(owner.expiresAt);
      const refused = await api.request('POST', '/api/api-keys', { body: { name: 'x', expiresAt: inHours(2) } });
      expect(problem(refused)).toMatchObject({ status: 400, code: 'validation_failed' });
      const child = await makeKey(api, { role: 'owner' });
      expect(child).toMatchObject({ createdBy: `key:${owner.id}`, expiresAt: owner.expiresAt });
      expect((await server.api.request('DELETE', `/api/api-keys/${owner.id}`)).status).toBe(204);
      expect((await as(child).list()).status).toBe(401);
      expect((await api.list()).status).toBe(401);
    });

    it("gets keys that end with the key of a user, also a project's", async () => {
      const email = `${way}-${randomUUID().slice(0, 8)}@example.org`;
      const { api: person, user } = await newSignedInUser(server.api, { email, projects: { [ours.id]: 'owner' } });
      const own = await makeKey(person, { expiresAt: inHours(1) });
      const { api } = await signIn(own);
      const refused = await api.request('POST', '/api/api-keys', { body: { name: 'x', expiresAt: inHours(2) } });
      expect(problem(refused)).toMatchObject({ status: 400, code: 'validation_failed' });
      const children = [await makeKey(api, {}), await makeKey(api, { projectId: ours.id, role: 'owner' })];
      for (const child of children) expect(child).toMatchObject({ createdBy: user.id, expiresAt: own.expiresAt });
      expect((await person.request('DELETE', `/api/api-keys/${own.id}`)).status).toBe(204);
      for (const child of children) expect((await as(child).list()).status).toBe(401);
    });

    it('makes, changes and invites no administrator', async () => {
      const email = `${way}-${randomUUID().slice(0, 8)}@example.org`;
      const { api: person, user } = await newSignedInUser(server.api, { email, role: 'admin' });
      const key = await makeKey(person, { expiresAt: inHours(1) });
      const { user: other } = ok(
        await person.request<{ user: { id: string } }>('POST', '/api/users', {
          body: { email: `other-${email}`, name: 'Other' },
        }),
      );
      for (const api of [as(key), (await signIn(key)).api]) {
        const answers = [
          await api.request('POST', '/api/users', { body: { email: `new-${email}`, name: 'New', role: 'admin' } }),
          await api.request('PATCH', `/api/users/${other.id}`, { body: { role: 'admin' } }),
          await api.request('PATCH', `/api/users/${user.id}`, { body: { email: `my-${email}` } }),
          await api.request('POST', `/api/users/${user.id}/invitation`),
        ];
        for (const answer of answers) expect(problem(answer)).toMatchObject({ status: 403, code: 'forbidden' });
        ok(await api.request('POST', `/api/users/${other.id}/invitation`));
      }
      ok(await person.request('POST', `/api/users/${user.id}/invitation`));
    });
  });

  it('uses no key of the server over SSH, unless an administrator does', async () => {
    const repository = { repoType: 'clone', repoUrl: 'git@127.0.0.1:1/x.git' } as const;
    const body = small({ ...repository, sshKeyPath: server.key.privateKeyPath });
    const email = `ssh-${randomUUID().slice(0, 8)}@example.org`;
    const { api: person } = await newSignedInUser(server.api, { email, projects: { [ours.id]: 'owner' } });
    const owner = as(await makeKey(server.api, { projectId: ours.id, role: 'owner' }));
    for (const api of [person, owner]) {
      const refused = problem(await api.create(body));
      expect(refused).toMatchObject({ status: 403, code: 'forbidden' });
      expect(refused.detail).toContain('ssh_key');
      // Neither does the answer tell which keys there are.
      expect(problem(await api.create({ ...body, sshKeyPath: '/nowhere' }))).toMatchObject({ status: 403 });
    }
    const { api: admin } = await newSignedInUser(server.api, { email: `admin-${email}`, role: 'admin' });
    for (const api of [admin, server.api]) {
      const { id } = ok(await api.create(small({ ...repository, sshKeyPath: server.key.privateKeyPath })));
      const { items } = ok(
        await server.api.request<{ items: { details: object }[] }>(
          'GET',
          `/api/audit?action=container.create&target=${id}`,
        ),
      );
      expect(items).toMatchObject([{ details: { sshKeyPath: server.key.privateKeyPath } }]);
      expect((await server.api.remove(id)).status).toBe(204);
    }
  });

  it('makes two hundred keys at most', async () => {
    const project = await newProject();
    const owner = as(await makeKey(server.api, { projectId: project.id, role: 'owner' }));
    let last = 201;
    for (let made = 1; last === 201 && made < 210; made += 20) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () =>
          server.api.request('POST', '/api/api-keys', { body: { name: 'x', projectId: project.id } }),
        ),
      );
      last = Math.max(...answers.map(({ status }) => status));
      await new Promise((resolve) => setTimeout(resolve, 2_100));
    }
    const { items } = ok(await owner.request<{ items: Key[] }>('GET', '/api/api-keys'));
    expect(items).toHaveLength(200);
    expect(problem(await owner.request('POST', '/api/api-keys', { body: { name: 'x' } }))).toMatchObject({
      status: 403,
      code: 'quota_exceeded',
      quota: 'apiKeys',
    });
  }, 60_000);

  it('learns nothing of the volumes of another project', async () => {
    const full = await newProject();
    ok(await server.api.request('PATCH', `/api/projects/${full.id}`, { body: { quotas: { containers: 0 } } }));
    const member = as(await makeKey(server.api, { projectId: full.id }));
    const { id } = ok(await server.api.create(small({ projectId: theirs.id }), { prefer: 'wait=60' }));
    ok(await server.api.request('DELETE', `/api/containers/${id}`, { query: { keepVolume: 'true' } }));
    const answerFor = async (volume: string): Promise<object> => {
      const { detail, ...rest } = problem(await member.create(small({ volume }), { 'idempotency-key': randomUUID() }));
      return { ...rest, detail: String(detail).replace(volume, ''), requestId: null };
    };
    expect(await answerFor(id)).toEqual(await answerFor(randomUUID()));
    const holder = ok(await server.api.create(small({ projectId: theirs.id, volume: id }), { prefer: 'wait=60' }));
    expect(await answerFor(id)).toEqual(await answerFor(randomUUID()));
    ok(await server.api.remove(holder.id));
  }, 120_000);

  it('has no more containers made at once than allowed', async () => {
    const member = as(await makeKey(server.api, { projectId: ours.id }));
    const answers = await Promise.all(Array.from({ length: 12 }, () => member.create(small())));
    const made = answers.filter(({ status }) => status === 202);
    expect(made).toHaveLength(3);
    for (const answer of answers.filter(({ status }) => status !== 202))
      expect(problem(answer)).toMatchObject({ status: 429, code: 'rate_limited' });
    for (const { body } of made) await server.api.remove(body.id);
  }, 120_000);
});
