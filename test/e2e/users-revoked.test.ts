/** What ends when a user loses the right to it, with open sockets and streams, also at another replica. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { newSignedInUser, publicUrlOf, type SignedIn } from '../support/api/signed-in.js';
import type { Container } from '../support/api/types.js';
import { BrowserClient } from '../support/editor/browser-client.js';
import { uniqueName } from '../support/e2e/names.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import { startTwoReplicas, type TwoReplicas } from '../support/replicas/two-replicas.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const DEFAULT_PROJECT = '00000000-0000-4000-8000-000000000001';
const LIMIT_MS = 5_000;

describe('the connections of a user', () => {
  let replicas: TwoReplicas;
  let container: Container;
  let users = 0;

  beforeAll(async () => {
    replicas = await startTwoReplicas('PostgreSQL');
    const { api } = replicas.a;
    container = ok(await api.create({ name: uniqueName('revoked'), template: 'claude' }, { prefer: 'wait=60' }));
  }, IMAGE_BUILD_MS);
  afterAll(() => replicas?.dispose(), 60_000);

  const endings: [string, (user: SignedIn) => [method: string, path: string, body?: object]][] = [
    ['is disabled', ({ user }) => ['PATCH', `/api/users/${user.id}`, { disabled: true }]],
    ['is removed', ({ user }) => ['DELETE', `/api/users/${user.id}`]],
    ['leaves the project', ({ user }) => ['DELETE', `/api/projects/default/members/${user.id}`]],
    ['has a lower role', ({ user }) => ['PUT', `/api/projects/default/members/${user.id}`, { role: 'viewer' }]],
    ['has the session ended', ({ session }) => ['DELETE', `/api/sessions/${session.id}`]],
  ];

  it.each(endings)('end at another replica within five seconds when the user %s', async (_, ending) => {
    const { a, b } = replicas;
    const email = `user-${(users += 1)}@example.org`;
    const user = await newSignedInUser(b.api, { email, projects: { [DEFAULT_PROJECT]: 'member' } });
    const url = publicUrlOf(b.devforge);
    const socket = await SocketClient.connect(url, { cookie: user.cookie, origin: url });
    expect(await socket.ask('subscribe:status', {})).toMatchObject({ ok: true });
    const terminal = await socket.ask('terminal:open', { containerId: container.id, cols: 80, rows: 24 });
    expect(terminal).toMatchObject({ ok: true });
    const stream = await fetch(`${url}/api/containers/${container.id}/logs?follow=true`, {
      headers: { cookie: user.cookie },
    });
    expect(stream.status).toBe(200);
    const streamEnded = stream.text().then(
      () => true,
      () => true,
    );
    const [method, path, body] = ending(user);
    const { url: link } = ok(
      await user.api.request<{ url: string }>('POST', `/api/containers/${container.id}/ports/3000/preview`),
    );
    const site = new BrowserClient(b.devforge.url);
    expect((await site.signIn(link)).status).toBe(302);
    // Nothing listens there; strangers do not learn that.
    expect((await site.request(new URL('/', link).href)).status).toBe(503);
    const at = Date.now();
    ok(await a.api.request(method, path, body === undefined ? {} : { body }));
    await until('the socket is closed', () => !socket.socket.connected);
    // A viewer may follow logs.
    if ((body as { role?: string } | undefined)?.role !== 'viewer') await streamEnded;
    else await stream.body!.cancel().catch(() => undefined);
    expect(Date.now() - at).toBeLessThan(LIMIT_MS);
    const answer = await user.api.request('POST', `/api/containers/${container.id}/exec`, {
      body: { command: ['true'] },
    });
    expect([401, 403]).toContain(answer.status);
    expect((await site.request(new URL('/', link).href)).status).toBe(401);
  });

  it('end where an owner who becomes a viewer may not have them any more, and go on where a viewer may', async () => {
    const { a, b } = replicas;
    const other = ok(await a.api.request<{ id: string }>('POST', '/api/projects', { body: { name: 'other' } }));
    const projects = { [DEFAULT_PROJECT]: 'owner', [other.id]: 'viewer' };
    const { user, api, cookie } = await newSignedInUser(b.api, { email: 'demoted@example.org', projects });
    const logs = await Promise.all(
      ['*/*', 'application/x-ndjson'].map(async (accept) => {
        const path = `/api/containers/${container.id}/logs?follow=true&tail=0`;
        const { status, body } = await fetch(publicUrlOf(b.devforge) + path, { headers: { cookie, accept } });
        const log = { text: '', isOpen: status === 200 };
        void (async () => {
          for await (const part of body!.pipeThrough(new TextDecoderStream())) log.text += part;
        })().then(
          () => (log.isOpen = false),
          () => (log.isOpen = false),
        );
        return log;
      }),
    );
    const failing = { body: { command: ['false'] } };
    const allGrow = async (): Promise<void> => {
      const before = logs.map(({ text }) => text.length);
      ok(await a.api.request('POST', `/api/containers/${container.id}/exec`, failing));
      await until('more lines', () => logs.every(({ text }, index) => text.length > before[index]!));
    };
    await allGrow();
    const sleeping = api
      .request('POST', `/api/containers/${container.id}/exec`, {
        body: { command: ['sleep', '300'], timeoutSeconds: 300 },
      })
      .then(
        () => 'answered',
        () => 'ended',
      );
    const at = Date.now();
    const membership = (project: string): string => `/api/projects/${project}/members/${user.id}`;
    ok(await a.api.request('PUT', membership(DEFAULT_PROJECT), { body: { role: 'viewer' } }));
    await expect(sleeping).resolves.toBe('ended');
    expect(Date.now() - at).toBeLessThan(LIMIT_MS);
    await allGrow();
    // Another project has nothing to do with it.
    ok(await a.api.request('DELETE', membership(other.id)));
    await until(
      'it is known at the other replica',
      async () => (await api.request('GET', `/api/projects/${other.id}`)).status === 404,
    );
    await allGrow();
    ok(await a.api.request('DELETE', membership(DEFAULT_PROJECT)));
    await until('both have ended', () => logs.every(({ isOpen }) => !isOpen), LIMIT_MS);
  });

  it('count failed sign-ins at every replica together', async () => {
    const attempt = ({ url }: { url: string }): Promise<number> =>
      fetch(`${publicUrlOf({ url })}/api/sessions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': '198.51.100.7' },
        body: JSON.stringify({ email: 'somebody@example.org', password: 'wrong' }),
      }).then(({ status }) => status);
    const both = [replicas.a.devforge, replicas.b.devforge];
    const statuses = await Promise.all(Array.from({ length: 16 }, (_, index) => attempt(both[index % 2]!)));
    expect(statuses.filter((status) => status === 429)).toHaveLength(6);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
  });
});
