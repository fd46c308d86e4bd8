/** What ends with an API key, at another replica than the one that revokes it, and the sites of projects. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { ApiClient, ok, problem } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { until } from '../support/e2e/until.js';
import { BrowserClient } from '../support/editor/browser-client.js';
import { startMirror } from '../support/editor/mirror.js';
import type { Link } from '../support/editor/site-helpers.js';
import { startTwoReplicas, type TwoReplicas } from '../support/replicas/two-replicas.js';
import { SocketClient } from '../support/sockets/socket-client.js';
import { TerminalClient } from '../support/terminals/terminal-client.js';

const PORT = 4000;
const WITHIN_MS = 5_000;

describe('authority at two replicas', () => {
  let replicas: TwoReplicas;
  /** Two containers of one name. */
  let ours: Container;
  let theirs: Container;
  let project: { id: string };

  const newKey = async (body: object = {}): Promise<{ id: string; key: string }> =>
    ok(
      await replicas.a.api.request<{ id: string; key: string }>('POST', '/api/api-keys', {
        body: { name: 'test', projectId: project.id, ...body },
      }),
    );
  const linkOf = async (client: ApiClient, { id }: Container): Promise<string> =>
    ok(await client.request<Link>('POST', `/api/containers/${id}/ports/${PORT}/preview`)).url;
  const atB = (key: string): ApiClient => new ApiClient(replicas.b.devforge.url, key);

  beforeAll(async () => {
    replicas = await startTwoReplicas('PostgreSQL');
    const { api, engine } = replicas.a;
    project = ok(await api.request<{ id: string }>('POST', '/api/projects', { body: { name: 'shop' } }));
    const spec = { name: uniqueName('same'), template: 'claude', memoryLimit: 256 } as const;
    ours = ok(await api.create(spec, { prefer: 'wait=60' }));
    theirs = ok(await api.create({ ...spec, projectId: project.id }, { prefer: 'wait=60' }));
    for (const container of [ours, theirs]) await startMirror(engine, container);
  }, IMAGE_BUILD_MS);
  afterAll(() => replicas?.dispose(), 60_000);

  it('gives two containers of one name sites of their own, and each browser one of them', async () => {
    const { api, devforge } = replicas.a;
    const [link, other] = [await linkOf(api, ours), await linkOf(api, theirs)];
    expect(new URL(link).hostname).toBe(`${PORT}--${ours.name}.localhost`);
    expect(new URL(other).hostname).toBe(`${PORT}--${theirs.id}.localhost`);
    const browser = new BrowserClient(devforge.url);
    expect((await browser.signIn(other)).status).toBe(302);
    const site = new URL('/', other).href;
    expect((await browser.request(site)).status).toBe(200);
    expect((await browser.request(new URL('/', link).href)).status).toBe(401);
    // The name belongs to the default project for every caller.
    const wrong = other.replace(theirs.id, theirs.name);
    expect((await new BrowserClient(devforge.url).signIn(wrong)).status).toBe(401);
  });

  it('ends all that was opened with a key within five seconds, wherever it is revoked', async () => {
    const { id, key } = await newKey();
    const { b } = replicas;
    const client = atB(key);
    const socket = await SocketClient.connect(b.devforge.url, { token: key });
    const terminal = await TerminalClient.open(socket, theirs.id);
    expect(terminal.id).not.toBe('');
    const log = await fetch(`${b.devforge.url}/api/containers/${theirs.id}/logs?follow=true`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(log.status).toBe(200);
    const [used, unused] = [await linkOf(client, theirs), await linkOf(client, theirs)];
    const browser = new BrowserClient(b.devforge.url);
    expect((await browser.signIn(used)).status).toBe(302);
    const site = new URL('/', used).href;
    expect((await browser.request(site)).status).toBe(200);
    const { socket: upgraded } = await browser.upgrade(site);
    // Of the administrator, and goes on.
    const remaining = new BrowserClient(b.devforge.url);
    await remaining.signIn(await linkOf(replicas.a.api, theirs));
    const { socket: kept } = await remaining.upgrade(site);

    const ended = Promise.all([
      once(upgraded!, 'close'),
      log.text().catch(() => undefined),
      new Promise((resolve) => socket.socket.once('disconnect', resolve)),
    ]);
    upgraded!.on('error', () => undefined);
    const at = Date.now();
    expect((await replicas.a.api.request('DELETE', `/api/api-keys/${id}`)).status).toBe(204);
    await ended;
    await until('the cookie is void', async () => (await browser.request(site)).status === 401, WITHIN_MS);
    expect(Date.now() - at).toBeLessThan(WITHIN_MS);
    expect((await new BrowserClient(b.devforge.url).signIn(unused)).status).toBe(401);
    expect((await client.list()).status).toBe(401);
    expect(kept!.destroyed).toBe(false);
    expect((await remaining.request(site)).status).toBe(200);
    kept!.destroy();
  });

  it('lets a site be opened by nobody whose role does not include it', async () => {
    const { key } = await newKey({ role: 'viewer' });
    const answer = await atB(key).request('POST', `/api/containers/${theirs.id}/ports/${PORT}/preview`);
    expect([answer.status, problem(answer).code]).toEqual([403, 'forbidden']);
  });

  it('refuses a change of limits beyond the quota, and changes nothing', async () => {
    const { api } = replicas.a;
    const patch = (body: object) => api.request<Container>('PATCH', `/api/containers/${theirs.id}`, { body });
    ok(await api.request('PATCH', `/api/projects/${project.id}`, { body: { quotas: { memoryMB: 512 } } }));
    const answer = await patch({ memoryLimit: 513 });
    expect(problem(answer)).toMatchObject({ status: 403, code: 'quota_exceeded', quota: 'memoryMB', limit: 512 });
    expect(ok(await api.get(theirs.id)).memoryLimit).toBe(256);
    const { HostConfig } = await replicas.a.engine.inspect(theirs.dockerId!);
    expect(HostConfig.Memory).toBe(256 * 1_024 * 1_024);
    expect(ok(await patch({ memoryLimit: 512 })).memoryLimit).toBe(512);
  });
});
