import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { disconnectEarly } from '../support/api/disconnect-early.js';
import { ok, problem } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { BrowserClient, type SiteAnswer, WEBSOCKET } from '../support/editor/browser-client.js';
import { startMirror } from '../support/editor/mirror.js';
import { siblingCases } from '../support/editor/sibling-cases.js';
import { type Link, siteHelpers } from '../support/editor/site-helpers.js';

/** `::1` as /proc/net/tcp6 writes it. */
const LOOPBACK_IPV6 = '00000000000000000000000001000000';

describe('the sites of a container', () => {
  let server: TestServer;
  let both: Container;
  let small: Container;

  const running = async (template: Container['template']): Promise<Container> => {
    const { id } = ok(await server.api.create({ name: uniqueName(), template, memoryLimit: 1024 }));
    return server.api.waitForStatus(id, 'running', 120_000);
  };
  const helpers = siteHelpers(() => server);
  const { linkTo, browser, signedIn, portOf, editorOf, previewOf } = helpers;

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'both', 'claude');
    [both, small] = await Promise.all([running('both'), running('claude')]);
    await startMirror(server.engine, both);
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  describe('the link', () => {
    it('opens a host of its own once and sets a cookie for that host only', async () => {
      const link = await linkTo(both);
      expect(link).toMatch(new RegExp(`^${editorOf(both)}/\\?devforge_ticket=[\\w-]{43}$`));
      const visitor = browser();
      const { status, headers } = await visitor.signIn(link);
      expect(status).toBe(302);
      expect(headers.location).toBe('/');
      expect(headers['set-cookie']).toEqual([
        expect.stringMatching(/^devforge_site=\d+\.[\w-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/),
      ]);
      expect((await browser().request(link)).status).toBe(401);
      expect((await visitor.request(`${editorOf(both)}/healthz`)).status).toBe(200);
      const path = `/api/containers/${both.id}/logs`;
      expect(ok(await server.api.request('GET', path, { query: { source: 'editor' } }))).toMatchObject({
        lines: [{ message: '[editor] VS Code started', stream: 'stdout', source: 'editor' }],
      });
    });

    it('opens again where it signed in, and elsewhere shows a page with a way to get in', async () => {
      const link = await linkTo(both, 4000);
      const visitor = browser();
      await visitor.signIn(link);
      const again = await visitor.request(`${link}&more=1`);
      expect({ status: again.status, location: again.headers.location }).toEqual({ status: 302, location: '/?more=1' });
      const page = await browser().request(link, { headers: { Accept: 'text/html' } });
      expect({ status: page.status, type: page.headers['content-type'] }).toEqual({
        status: 401,
        type: 'text/html; charset=utf-8',
      });
      expect(page.body).toContain(`http://localhost:${portOf()}/sign-in?container=${both.name}&#38;port=4000`);
      const way = await browser().request(`http://localhost:${portOf()}/sign-in?container=${both.name}&port=4000`);
      expect(way.status).toBe(200);
      expect(way.body).toContain('DevForge token');
    });

    it('leads to no other server', async () => {
      const link = new URL(await linkTo(both, 4000));
      const { status, headers } = await browser().request(link.href.replace('/?', '//evil.example/?'));
      expect({ status, location: headers.location }).toEqual({ status: 302, location: '/evil.example/' });
    });

    it('is invalid for another container, for another port and a second time', async () => {
      const foreign = new URL(await linkTo(both, 4000));
      foreign.host = new URL(previewOf(both, 4001)).host;
      expect((await browser().request(foreign.href)).status).toBe(401);
      foreign.host = new URL(previewOf(both, 4000)).host;
      expect((await browser().request(foreign.href)).status).toBe(401);
      const other = new URL(await linkTo(both));
      other.host = new URL(editorOf(small)).host;
      expect((await browser().request(other.href)).status).toBe(401);
    });

    it('is valid at another process and after a restart', async () => {
      const link = await linkTo(both, 4000);
      await server.devforge.restart();
      expect((await browser().signIn(link)).status).toBe(302);
    });

    it('is refused for containers without an editor, stopped ones and unknown ones', async () => {
      expect(problem(await server.api.request('POST', `/api/containers/${small.id}/editor`))).toMatchObject({
        status: 409,
        code: 'invalid_state',
      });
      expect(problem(await server.api.request('POST', '/api/containers/nobody/editor'))).toMatchObject({
        status: 404,
        code: 'container_not_found',
      });
    });

    it.each(['0', '65536', '0x50', '80@evil', '080', '-1', '1e3', '99999999999', '80.0', 'http'])(
      'is refused for port %s',
      async (port) => {
        expect(
          problem(await server.api.request('POST', `/api/containers/${both.id}/ports/${port}/preview`)),
        ).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field: 'port' }] });
      },
    );
  });

  describe('the cookie', () => {
    it('opens its own site only', async () => {
      const visitor = await signedIn(both, 4000);
      expect((await visitor.request(`${previewOf(both, 4000)}/x`)).status).toBe(200);
      for (const other of [previewOf(both, 4001), previewOf(small, 4000), editorOf(both), editorOf(small)]) {
        expect({ other, status: (await visitor.request(`${other}/`)).status }).toEqual({ other, status: 401 });
      }
    });

    it('does not authenticate API requests, whose routes do not exist under a site', async () => {
      const visitor = await signedIn(both, 4000);
      expect((await visitor.request('/api/containers')).status).toBe(401);
      expect((await visitor.request(`http://localhost:${portOf()}/api/containers`)).status).toBe(401);
      const mirrored = await visitor.request(`${previewOf(both, 4000)}/api/containers`);
      expect(JSON.parse(mirrored.body)).toMatchObject({ url: '/api/containers' });
      const token = { Authorization: `Bearer ${server.devforge.token}` };
      expect((await browser().request(`${editorOf(both)}/api/containers`, { headers: token })).status).toBe(401);
    });

    it('is needed to learn which containers exist', async () => {
      const [there, absent] = [
        await browser().request(`${editorOf(both)}/`),
        await browser().request(`http://absent.localhost:${portOf()}/`),
      ];
      expect([there.status, there.body]).toEqual([absent.status, absent.body]);
    });
  });

  describe('a proxied request', () => {
    it('arrives unchanged, without the headers and cookies of DevForge', async () => {
      const visitor = await signedIn(both, 4000);
      visitor.cookie = `own=1; ${visitor.cookie}; more=2`;
      const { body, headers } = await visitor.request(`${previewOf(both, 4000)}/a%2Fb/?c=d%20e`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${server.devforge.token}`, Origin: previewOf(both, 4000), 'X-Own': 'yes' },
        body: 'grüße',
      });
      const seen = JSON.parse(body) as { url: string; method: string; headers: Record<string, string>; body: string };
      expect(seen).toMatchObject({ url: '/a%2Fb/?c=d%20e', method: 'POST', body: 'grüße' });
      expect(seen.headers).toMatchObject({
        host: new URL(previewOf(both, 4000)).host,
        cookie: 'own=1; more=2',
        'x-own': 'yes',
      });
      expect(seen.headers).not.toHaveProperty('authorization');
      expect(headers['set-cookie']).toEqual(['planted=1; Path=/']);
    });

    it.each(['token', 'Basic', ''])('never carries the token of DevForge, not after "%s" either', async (scheme) => {
      const visitor = await signedIn(both, 4000);
      const { token } = server.devforge;
      const credentials = scheme === 'Basic' ? Buffer.from(`git:${token}`).toString('base64') : token;
      const Authorization = `${scheme} ${credentials}`.trim();
      const { body } = await visitor.request(`${previewOf(both, 4000)}/`, { headers: { Authorization } });
      expect((JSON.parse(body) as { headers: object }).headers).not.toHaveProperty('authorization');
    });

    it('never carries an API key', async () => {
      const visitor = await signedIn(both, 4000);
      const { id, key } = ok(
        await server.api.request<{ id: string; key: string }>('POST', '/api/api-keys', {
          body: { name: 'key', role: 'viewer' },
        }),
      );
      // A revoked key, too.
      ok(await server.api.request('DELETE', `/api/api-keys/${id}`));
      for (const credentials of [`Bearer ${key}`, `Basic ${Buffer.from(`git:${key}`).toString('base64')}`]) {
        const headers = { Authorization: credentials };
        const { body } = await visitor.request(`${previewOf(both, 4000)}/`, { headers });
        expect((JSON.parse(body) as { headers: object }).headers).not.toHaveProperty('authorization');
      }
    });

    it('may have a host name with a dot at its end, and large headers in both directions', async () => {
      const visitor = await signedIn(both, 4000);
      const { host } = new URL(previewOf(both, 4000));
      const dotted = await visitor.request('/', { headers: { Host: host.replace(':', '.:') } });
      expect(JSON.parse(dotted.body)).toMatchObject({ url: '/' });
      const large = await visitor.request(`${previewOf(both, 4000)}/large`, {
        headers: { 'X-Sent': 's'.repeat(40_000) },
      });
      expect(large.headers['x-large']).toHaveLength(40_000);
      expect((JSON.parse(large.body) as { headers: Record<string, string> }).headers['x-sent']).toHaveLength(40_000);
    });

    it('is answered in HTTP/1.1 when it offers HTTP/2', async () => {
      const visitor = await signedIn(both, 4000);
      const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABk' };
      const { status, body } = await visitor.request(`${previewOf(both, 4000)}/`, { headers });
      expect(status).toBe(200);
      const seen = (JSON.parse(body) as { headers: object }).headers;
      for (const name of ['upgrade', 'http2-settings']) expect(seen).not.toHaveProperty(name);
    });

    it('is sent as localhost when the link says so, and over TLS to a port that speaks it', async () => {
      const asLocalhost = browser();
      const path = `/api/containers/${both.id}/ports/4000/preview?host=localhost`;
      await asLocalhost.signIn(ok(await server.api.request<Link>('POST', path)).url);
      const headers = { Origin: previewOf(both, 4000) };
      const { body } = await asLocalhost.request(`${previewOf(both, 4000)}/`, { headers });
      expect(JSON.parse(body)).toMatchObject({ headers: { host: 'localhost:4000', origin: 'http://localhost:4000' } });
      expect(problem(await server.api.request('POST', path.replace('localhost', 'evil.example')))).toMatchObject({
        status: 400,
        code: 'validation_failed',
      });
      for (const [port, answer] of [
        [4443, 'with TLS'],
        [4006, 'on ::1'],
      ] as const) {
        const visitor = await signedIn(both, port);
        expect((await visitor.request(`${previewOf(both, port)}/`)).body).toBe(answer);
      }
    });

    it('fails at once when the program does not answer in HTTP', async () => {
      const visitor = await signedIn(both, 4007);
      const begun = performance.now();
      for (const method of ['GET', 'POST'])
        expect((await visitor.request(`${previewOf(both, 4007)}/`, { method })).status).toBe(503);
      expect(performance.now() - begun).toBeLessThan(8_000);
    });

    it('keeps its Authorization header for a port and loses it for the editor', async () => {
      const visitor = await signedIn(both, 4000);
      const { body } = await visitor.request(`${previewOf(both, 4000)}/`, {
        headers: { Authorization: 'Bearer of-the-app' },
      });
      expect(JSON.parse(body)).toMatchObject({ headers: { authorization: 'Bearer of-the-app' } });
    });

    it('may be an upgrade, which keeps its Host and is authenticated like a page', async () => {
      const visitor = await signedIn(both, 4000);
      expect((await browser().upgrade(`${previewOf(both, 4000)}/ws`)).status).toBe(401);
      const { status, socket, headers } = await visitor.upgrade(`${previewOf(both, 4000)}/ws`);
      expect(status).toBe(101);
      expect(headers['set-cookie']).toEqual(['planted=2; Path=/']);
      const heard = new Promise<string>((resolve) =>
        socket!.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      );
      socket!.write('echo');
      await expect(heard).resolves.toBe('echo');
      socket!.destroy();
    });

    it('may be aborted at either end without affecting others', async () => {
      const visitor = await signedIn(both, 4000);
      const { pid } = server.devforge;
      const [gone, other] = await Promise.all([
        visitor.upgrade(`${previewOf(both, 4000)}/ws`),
        visitor.upgrade(`${previewOf(both, 4000)}/ws`),
      ]);
      gone.socket!.resetAndDestroy();
      const { socket } = await visitor.upgrade(`${previewOf(both, 4000)}/reset`);
      socket!.write('now');
      // What it says of its own, and nothing of DevForge's in it.
      expect(['', 'now']).toContain(await text(socket!).catch(() => ''));
      const page = await visitor.upgrade(`${editorOf(both)}/stable-x?reconnectionToken=x&skipWebSocketFrames=false`);
      page.socket?.resetAndDestroy();
      // Time for the broken connections to do harm, which nothing would announce.
      await delay(300);
      const heard = new Promise<string>((resolve) =>
        other.socket!.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      );
      other.socket!.write('still here');
      await expect(heard).resolves.toBe('still here');
      other.socket!.destroy();
      expect(ok(await server.api.get(both.id)).status).toBe('running');
      expect(server.devforge.pid).toBe(pid);
    });

    it('may be aborted by its client at once, signed in or not', async () => {
      const visitor = await signedIn(both, 4000);
      const { host } = new URL(previewOf(both, 4000));
      const nobody = { Host: host, ...WEBSOCKET };
      for (const headers of [nobody, { ...nobody, Cookie: visitor.cookie! }])
        await disconnectEarly(server.devforge.url, { target: '/ws', headers });
      // Time for the broken requests to do harm, which nothing would announce.
      await delay(300);
      expect(ok(await server.api.get(both.id)).status).toBe('running');
    });

    it('is refused when a page of another origin sends it', async () => {
      const visitor = await signedIn(both, 4000);
      for (const origin of ['http://evil.example', editorOf(small), 'null', `http://localhost:${portOf()}`]) {
        expect({
          origin,
          status: (await visitor.upgrade(`${previewOf(both, 4000)}/ws`, { Origin: origin })).status,
        }).toEqual({ origin, status: 403 });
        expect(
          (await visitor.request(`${previewOf(both, 4000)}/`, { method: 'POST', headers: { Origin: origin } })).status,
        ).toBe(403);
      }
      expect(
        (await visitor.request(`${previewOf(both, 4000)}/`, { method: 'POST', headers: { Origin: editorOf(both) } }))
          .status,
      ).toBe(200);
    });

    it('is answered with a page that reloads until the port listens', async () => {
      const visitor = await signedIn(both, 4999);
      const page = await visitor.request(`${previewOf(both, 4999)}/`, { headers: { Accept: 'text/html' } });
      expect(page.status).toBe(503);
      expect(page.headers['retry-after']).toBe('1');
      expect(page.body).toContain('Nothing listens on port 4999 yet');
      expect(page.body).toContain('http-equiv="refresh"');
      expect((await visitor.request(`${previewOf(both, 4999)}/app.js`)).headers['content-type']).toContain(
        'text/plain',
      );
      expect((await visitor.upgrade(`${previewOf(both, 4999)}/ws`)).status).toBe(503);
    });
  });

  siblingCases(() => ({ both, small }), helpers);

  describe('malformed addresses', () => {
    it('are refused before a container is contacted', async () => {
      const visitor = await signedIn(both, 4000);
      const host = new URL(previewOf(both, 4000)).host;
      const statuses: Record<string, number> = {};
      const raw = async (name: string, target: string, Host: string): Promise<void> => {
        statuses[name] = (await visitor.request('/', { headers: { 'X-Raw-Target': target, Host } })).status;
      };
      await raw('absolute form', `http://${host}/`, host);
      await raw('port 0', '/', `0--${both.name}.localhost`);
      await raw('port 65536', '/', `65536--${both.name}.localhost`);
      await raw('port 0x50', '/', `0x50--${both.name}.localhost`);
      await raw('user info', '/', `4000--${both.name}.localhost@evil.example`);
      await raw('a longer name', '/api/containers', `${both.name}.localhost.evil.example`);
      await raw('an encoded slash', `/editor/${both.id}%2f..%2f..%2fapi/containers`, 'localhost');
      await raw('a way up', `/editor/${both.id}/../../api/containers`, 'localhost');
      expect(statuses).toEqual({
        'absolute form': 400,
        'port 0': 400,
        'port 65536': 400,
        'port 0x50': 401,
        'user info': 400,
        'a longer name': 401,
        'an encoded slash': 400,
        'a way up': 400,
      });
    });
  });

  describe('VS Code', () => {
    it('opens the workspace, by its host name and below the path', async () => {
      const visitor = await signedIn(both);
      const page = await visitor.request(`${editorOf(both)}/?folder=/workspace`);
      expect(page.status).toBe(200);
      expect(page.body).toContain('workbench');
      const byPath = await visitor.request(`http://127.0.0.1:${portOf()}/editor/${both.id}/?folder=/workspace`);
      expect(byPath.status).toBe(200);
      expect((await browser().request(`http://127.0.0.1:${portOf()}/editor/${both.id}/`)).status).toBe(401);
    });

    it('is never on the origin of DevForge, where its pages could act for who is signed in', async () => {
      const visitor = await signedIn(both);
      const moved = await visitor.request(`http://localhost:${portOf()}/editor/${both.id}/?folder=/workspace`);
      const byId = `http://${both.id}.localhost:${portOf()}/?folder=/workspace`;
      expect([moved.status, moved.headers.location]).toEqual([302, byId]);
      const page = await visitor.request(byId);
      expect([page.status, page.body.includes('workbench')]).toEqual([200, true]);
      expect((await visitor.upgrade(`http://localhost:${portOf()}/editor/${both.id}/`)).status).toBe(404);
    });

    it('serves no port on its own origin', async () => {
      const visitor = await signedIn(both);
      for (const path of ['/proxy/4000/', '/absproxy/4000/', '/PROXY/4000', '//proxy/4000/', '/%70roxy/4000/']) {
        const { status, body } = await visitor.request(`${editorOf(both)}${path}`);
        expect({ path, status }).toEqual({ path, status: 404 });
        expect(body).toContain(`<port>--${both.name}.localhost`);
      }
      const byPath = `http://127.0.0.1:${portOf()}/editor/${both.id}/proxy/4000/`;
      expect((await visitor.request(byPath)).status).toBe(404);
      const script =
        'curl -s -o /dev/null -w "%{http_code}" --unix-socket /tmp/devforge-editor.sock http://editor/proxy/4000/';
      const { stdout } = await server.engine.exec(both.dockerId!, ['sh', '-c', script], { user: '1000' });
      expect(['403', '404']).toContain(stdout);
    });

    it('listens where only DevForge and the container itself can connect', async () => {
      const { stdout } = await server.engine.exec(
        both.dockerId!,
        ['sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep " 0A "'],
        { user: '1000' },
      );
      const listening = stdout
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/)[1]!.split(':') as [string, string]);
      const doors = listening.filter(([address]) => !address.endsWith('00007F') && address !== LOOPBACK_IPV6);
      // The tunnel's, and VS Code's own.
      expect(doors).toHaveLength(2);
      const { NetworkSettings } = await server.engine.inspect(both.dockerId!);
      for (const [, port] of doors) {
        for (const greeting of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', `${'0'.repeat(64)} editor\n`]) {
          const socket = connect(Number.parseInt(port, 16), Object.values(NetworkSettings.Networks)[0]!.IPAddress);
          socket.end(greeting);
          expect(await text(socket).catch(() => '')).toBe('');
        }
      }
      expect(
        (
          await server.engine.exec(both.dockerId!, ['stat', '-c', '%a', '/tmp/devforge-editor.sock.door'], {
            user: '1000',
          })
        ).stdout.trim(),
      ).toBe('600');
      expect(
        (
          await server.engine.exec(both.dockerId!, ['stat', '-c', '%a %F', '/tmp/devforge-editor.sock'], {
            user: '1000',
          })
        ).stdout.trim(),
      ).toBe('600 socket');
    });

    it('reports when it was last in use', async () => {
      expect(ok(await server.api.get(small.id)).editor).toBeNull();
      const visitor = await signedIn(both);
      const before = Date.now();
      const { status, socket } = await visitor.upgrade(
        `${editorOf(both)}/stable-x?reconnectionToken=x&skipWebSocketFrames=false`,
      );
      expect([101, 400, 404]).toContain(status);
      socket?.destroy();
      const seen = await until('VS Code was seen in use', async () => {
        const { editor } = ok(await server.api.get(both.id));
        return editor!.lastSeenAt !== null && Date.parse(editor!.lastSeenAt) >= before - 1_000
          ? editor!.lastSeenAt
          : undefined;
      });
      expect(Date.parse(seen)).toBeLessThanOrEqual(Date.now());
    });

    it('is available again after a stop and a start, and the page that waits for it says so', async () => {
      const visitor = await signedIn(both);
      ok(await server.api.stop(both.id));
      const page = await visitor.request(`${editorOf(both)}/`, { headers: { Accept: 'text/html' } });
      expect(page.status).toBe(503);
      expect(page.body).toContain('is stopped');
      expect(page.body).toContain('http-equiv="refresh"');
      expect(page.body).toContain('<form method="post" action="/.devforge/start">');
      expect(problem(await server.api.request('POST', `/api/containers/${both.id}/editor`))).toMatchObject({
        status: 409,
        currentStatus: 'stopped',
      });
      const status = await visitor.request(`${editorOf(both)}/.devforge/status`);
      expect(JSON.parse(status.body)).toMatchObject({ name: both.name, status: 'stopped', canBeStarted: true });
      const start = (from: BrowserClient, headers: OutgoingHttpHeaders): Promise<SiteAnswer> =>
        from.request(`${editorOf(both)}/.devforge/start`, { method: 'POST', headers });
      expect((await start(visitor, {})).status).toBe(403);
      expect((await start(visitor, { Origin: previewOf(both, 4000) })).status).toBe(403);
      expect((await start(visitor, { Origin: 'http://evil.example' })).status).toBe(403);
      expect((await start(browser(), { Origin: editorOf(both) })).status).toBe(401);
      expect(ok(await server.api.get(both.id)).status).toBe('stopped');
      expect((await start(visitor, { Origin: editorOf(both), Accept: 'text/html' })).status).toBe(303);
      await until(
        'VS Code is back',
        async () => {
          const back = await visitor.request(`${editorOf(both)}/?folder=/workspace`, {
            headers: { Accept: 'text/html' },
          });
          return back.status === 200 && back.body.includes('workbench');
        },
        40_000,
      );
    }, 60_000);
  });
});
