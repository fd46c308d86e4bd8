/** What somebody with a credential might try: more than its limits, what outlives it, and what other projects have. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { ApiClient, ok, problem } from '../support/api/client.js';
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
