/** Sessions of browsers: what signs one in, what keeps strangers out, and what ends them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { ApiClient, type ApiResponse, ok, problem } from '../support/api/client.js';
import {
  anotherAddress,
  cookieOf,
  newSignedInUser,
  type OwnSession,
  PASSWORD,
  publicUrlOf,
  signIn,
  type SignedIn,
  trySignIn,
} from '../support/api/signed-in.js';
import { launchChromium } from '../support/e2e/chromium.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const DEFAULT_PROJECT = '00000000-0000-4000-8000-000000000001';
/** Of a cookie; it may contain `_`. */
const SECRET_LENGTH = 43;

describe('sessions', () => {
  let server: TestServer;
  let url: string;
  let users = 0;
  const newUser = (): Promise<SignedIn> =>
    newSignedInUser(server.api, {
      email: `user-${(users += 1)}@example.org`,
      projects: { [DEFAULT_PROJECT]: 'member' },
    });
  const me = async (
    headers: Record<string, string>,
    token: string | null = null,
  ): Promise<ApiResponse<{ id: string }>> => new ApiClient(url, token).request('GET', '/api/me', { headers });

  beforeAll(async () => {
    server = await startTestServer();
    url = publicUrlOf(server.devforge);
  }, 60_000);
  afterAll(() => server?.dispose(), 60_000);

  it('begin with a cookie of this host alone that scripts cannot read', async () => {
    const { user } = await newUser();
    const answer = await trySignIn(url, { email: user.email, headers: { 'user-agent': 'a browser' } });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^devforge_session=[0-9a-f]{32}_[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/,
      ),
    ]);
    expect(answer.body).toMatchObject({ userId: user.id, current: true, userAgent: 'a browser' });
    expect(JSON.stringify(answer.body)).not.toContain(cookieOf(answer).slice(-SECRET_LENGTH));
  });

  it('change nothing without the CSRF token of this session', async () => {
    const [one, two] = [await newUser(), await newUser()];
    const create = (headers: Record<string, string>) =>
      new ApiClient(url, null).request('POST', '/api/api-keys', { body: { name: 'x' }, headers });
    const { cookie } = one;
    expect(problem(await create({ cookie })).code).toBe('csrf_token_invalid');
    for (const wrong of [two.session.csrfToken, 'x', ''])
      expect(problem(await create({ cookie, 'x-csrf-token': wrong })).code).toBe('csrf_token_invalid');
    expect((await create({ cookie, 'x-csrf-token': one.session.csrfToken })).status).toBe(201);
    const again = ok(await one.api.request<OwnSession>('GET', '/api/sessions/current'));
    expect(again.csrfToken).toBe(one.session.csrfToken);
  });

  it('are not for pages of other origins, whatever they send', async () => {
    const { cookie, session, user } = await newUser();
    const own = { cookie, 'x-csrf-token': session.csrfToken };
    const workspace = url.replace('localhost', 'web.localhost');
    for (const origin of [workspace, 'https://evil.example', 'null', url.replace('http', 'https')]) {
      expect((await me({ ...own, origin })).status).toBe(401);
      const answer = await new ApiClient(url, null).request('DELETE', '/api/sessions/current', {
        headers: { ...own, origin },
      });
      expect(answer.status).toBe(401);
      expect((await trySignIn(url, { email: user.email, headers: { origin } })).status).toBe(403);
      await expect(SocketClient.connect(url, { cookie, origin })).rejects.toMatchObject({
        data: { code: 'unauthorized' },
      });
    }
    for (const site of ['same-site', 'cross-site'])
      expect((await me({ ...own, 'sec-fetch-site': site })).status).toBe(401);
    expect((await me({ ...own, origin: url, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  });

  it('open sockets for pages of DevForge itself, by WebSocket and by polling', async () => {
    const { cookie } = await newUser();
    for (const transport of ['websocket', 'polling'] as const) {
      const socket = await SocketClient.connect(url, { cookie, origin: url, transports: [transport] });
      expect(await socket.ask('subscribe:status', {})).toMatchObject({ ok: true });
      expect(await socket.ask('terminal:open', { containerId: 'x', cols: 80, rows: 24 })).toMatchObject({
        error: { code: 'container_not_found' },
      });
      socket.close();
    }
  });

  it('count only without a bearer token, even when that is not valid', async () => {
    const { cookie, user } = await newUser();
    expect((await me({ cookie }, 'not a token')).status).toBe(401);
    expect(ok(await me({ cookie }, server.devforge.token)).id).toBe('admin');
    expect(ok(await me({ cookie, authorization: 'Basic eDp5' })).id).toBe(user.id);
    await expect(SocketClient.connect(url, { cookie, origin: url, token: 'x' })).rejects.toMatchObject({
      data: { code: 'unauthorized' },
    });
  });

  it('are new at every sign-in, whatever cookie the browser had', async () => {
    const attacker = await newUser();
    const victim = await newUser();
    const planted = 'devforge_session=00000000000000000000000000000000_' + 'a'.repeat(43);
    for (const cookie of [planted, attacker.cookie]) {
      const answer = await trySignIn(url, { email: victim.user.email, headers: { cookie } });
      expect(cookieOf(answer)).not.toBe(cookie);
      expect(ok(await me({ cookie: cookieOf(answer) })).id).toBe(victim.user.id);
      // The session before has ended.
      expect((await me({ cookie })).status).toBe(401);
    }
  });

  it('are not taken over by a cookie of the same name that another host of the domain has set', async () => {
    const [attacker, victim] = [await newUser(), await newUser()];
    const [theirs, mine] = [attacker.cookie, victim.cookie];
    const nonsense = 'devforge_session=nonsense';
    expect(ok(await me({ cookie: `${nonsense}; ${mine}; ${nonsense}` })).id).toBe(victim.user.id);
    for (const cookie of [`${theirs}; ${mine}`, `${mine}; ${theirs}`]) expect((await me({ cookie })).status).toBe(401);
  });

  it('are listed, and ended one by one', async () => {
    const first = await newUser();
    const second = await signIn(url, first.user);
    const stranger = await newUser();
    const ids = async ({ api }: Pick<SignedIn, 'api'>, query = {}): Promise<string[]> =>
      ok(await api.request<{ items: { id: string }[] }>('GET', '/api/sessions', { query })).items.map(({ id }) => id);
    await expect(ids(first)).resolves.toEqual([second.session.id, first.session.id]);
    await expect(ids({ api: server.api })).resolves.toEqual([]);
    await expect(ids({ api: server.api }, { userId: first.user.id })).resolves.toHaveLength(2);
    expect((await stranger.api.request('GET', `/api/sessions?userId=${first.user.id}`)).status).toBe(403);
    const path = `/api/sessions/${second.session.id}`;
    expect(problem(await stranger.api.request('DELETE', path)).code).toBe('session_not_found');
    expect((await first.api.request('DELETE', path)).status).toBe(204);
    expect((await second.api.request('GET', '/api/me')).status).toBe(401);
    const out = await first.api.request('DELETE', '/api/sessions/current');
    expect([out.status, out.headers.getSetCookie()]).toEqual([
      204,
      ['devforge_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax'],
    ]);
    expect((await first.api.request('GET', '/api/me')).status).toBe(401);
    expect(problem(await server.api.request('DELETE', '/api/sessions/current')).code).toBe('session_not_found');
  });

  it('begin at the address of DevForge alone', async () => {
    const { user, cookie } = await newUser();
    const byAddress = await trySignIn(server.devforge.url, { email: user.email });
    expect(problem(byAddress)).toMatchObject({ code: 'sign_in_unavailable', detail: expect.stringContaining(url) });
    const there = new ApiClient(server.devforge.url, null, { cookie });
    expect((await there.request('GET', '/api/me')).status).toBe(401);
  });

  describe('refused', () => {
    it('answer the same whether there is such a user, and whatever is wrong', async () => {
      const [known, disabled] = [await newUser(), await newUser()];
      ok(await server.api.request('PATCH', `/api/users/${disabled.user.id}`, { body: { disabled: true } }));
      const attempts = [
        { email: known.user.email, password: 'wrong' },
        { email: 'nobody@example.org', password: 'wrong' },
        { email: disabled.user.email, password: PASSWORD },
        { email: 'not an email', password: 'x' },
      ];
      for (const attempt of attempts) {
        const answer = await trySignIn(url, attempt);
        const { requestId: _, ...rest } = problem(answer);
        expect([answer.headers.getSetCookie(), rest]).toEqual([
          [],
          {
            type: '/docs/errors#invalid_credentials',
            title: 'Email or password wrong',
            status: 401,
            detail: 'The email or the password is wrong.',
            code: 'invalid_credentials',
          },
        ]);
      }
    });

    it('take the same time for names that exist and names that do not', async () => {
      const names: string[] = [];
      for (let index = 0; index < 3; index += 1) names.push((await newUser()).user.email);
      const timed = async (email: string): Promise<number> => {
        const at = performance.now();
        expect((await trySignIn(url, { email, password: 'wrong' })).status).toBe(401);
        return performance.now() - at;
      };
      const [known, unknown]: number[][] = [[], []];
      for (let round = 0; round < 15; round += 1) {
        known!.push(await timed(names[round % 3]!));
        unknown!.push(await timed(`nobody-${round % 3}@example.org`));
      }
      // The fastest of each, on a busy machine. Without a hash to verify it would be a small part.
      const ratio = Math.min(...unknown!) / Math.min(...known!);
      expect(ratio).toBeGreaterThan(0.4);
      expect(ratio).toBeLessThan(2.5);
    }, 60_000);

    it('are ten a minute for an account, however many come at once', async () => {
      const { user } = await newUser();
      for (const email of [user.email, 'somebody-else@example.org']) {
        const answers = await Promise.all(
          Array.from({ length: 15 }, () => trySignIn(url, { email, password: 'wrong' })),
        );
        const limited = answers.filter(({ status }) => status === 429);
        expect([answers.length - limited.length, limited.length]).toEqual([10, 5]);
        expect(problem(limited[0]!).code).toBe('rate_limited');
        const seconds = Number(limited[0]!.headers.get('retry-after'));
        expect(seconds).toBeGreaterThan(30);
        expect(seconds).toBeLessThanOrEqual(60);
        expect((await trySignIn(url, { email })).status).toBe(429);
      }
    });

    it('are ten a minute for an address, and none of them is a success', async () => {
      const { user } = await newUser();
      const headers = { 'x-forwarded-for': anotherAddress() };
      for (let count = 0; count < 12; count += 1)
        expect((await trySignIn(url, { email: user.email, headers })).status).toBe(201);
      for (let count = 0; count < 10; count += 1)
        expect((await trySignIn(url, { email: `x-${count}@example.org`, headers })).status).toBe(401);
      expect((await trySignIn(url, { email: user.email, headers })).status).toBe(429);
      expect((await trySignIn(url, { email: user.email })).status).toBe(201);
    });
  });

  describe('in a browser', () => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await launchChromium();
    }, 60_000);
    afterAll(() => browser?.close());

    it('are neither read, used nor replaced by a page of a workspace', async () => {
      const [attacker, victim] = [await newUser(), await newUser()];
      const context = await browser.newContext();
      const [name, value] = victim.cookie.split('=') as [string, string];
      await context.addCookies([{ name, value, url, httpOnly: true, sameSite: 'Lax' }]);
      const site = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('a workspace'));
      await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
      const page = await context.newPage();
      await page.goto(`http://web.localhost:${(site.address() as AddressInfo).port}/`);
      const outcome = await page.evaluate<(number | string)[]>(`(async () => {
        document.cookie = '${attacker.cookie}; Path=/; Domain=localhost';
        document.cookie = '${attacker.cookie}; Path=/api; Domain=localhost';
        const send = (path, options) =>
          fetch('${url}' + path, { credentials: 'include', ...options }).then(({ status }) => status, () => 'refused');
        return [
          document.cookie,
          await send('/api/sessions/current', {}),
          await send('/api/sessions/current', { method: 'DELETE' }),
          await send('/api/api-keys', { method: 'POST', mode: 'no-cors', body: '{"name":"x"}' }),
        ];
      })()`);
      expect(outcome[0]).not.toContain(victim.cookie);
      expect(outcome.slice(1)).toEqual(['refused', 'refused', 0]);
      const keys = ok(await victim.api.request<{ items: object[] }>('GET', '/api/api-keys'));
      expect(keys.items).toEqual([]);
      await page.goto(`${url}/sign-in`);
      const seen = await page.evaluate(`fetch('/api/me').then((answer) => answer.json())`);
      expect(seen).toMatchObject({ id: victim.user.id });
      await context.close();
      site.close();
    }, 60_000);
  });

  it('are not offered where VS Code shares the origin of DevForge', async () => {
    const shared = await startTestServer({ PUBLIC_URL: 'http://127.0.0.1:1' });
    try {
      const answer = await new ApiClient(shared.devforge.url, null).request('POST', '/api/sessions', {
        body: { email: 'x@example.org', password: 'x' },
        headers: { host: '127.0.0.1:1' },
      });
      expect(problem(answer)).toMatchObject({
        code: 'sign_in_unavailable',
        detail: expect.stringContaining('EDITOR_DOMAIN'),
      });
    } finally {
      await shared.dispose();
    }
  }, 60_000);

  it('have a Secure cookie with the prefix of its host behind TLS', async () => {
    const secure = await startTestServer({
      PUBLIC_URL: 'https://devforge.example.org',
      EDITOR_DOMAIN: 'dev.example.org',
    });
    try {
      const invited = ok(
        await secure.api.request<{ invitationUrl: string }>('POST', '/api/users', {
          body: { email: 'ada@example.org', name: 'Ada' },
        }),
      );
      const { hash } = new URL(invited.invitationUrl);
      ok(
        await secure.api.request('POST', '/api/invitations/accept', {
          body: { token: hash.slice(1), password: PASSWORD },
        }),
      );
      const { BrowserClient } = await import('../support/editor/browser-client.js');
      const answer = await new BrowserClient(secure.devforge.url).request('http://devforge.example.org/api/sessions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: 'https://devforge.example.org' },
        body: JSON.stringify({ email: 'ada@example.org', password: PASSWORD }),
      });
      expect(answer.status).toBe(201);
      expect(answer.headers['set-cookie']).toEqual([
        expect.stringMatching(/^__Host-devforge_session=\S+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax; Secure$/),
      ]);
    } finally {
      await secure.dispose();
    }
  }, 60_000);
});
