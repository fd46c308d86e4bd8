/** Answers of an OpenID provider that are not of the sign-in which the browser has begun. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { type AuditEvent, auditOf } from '../support/api/audit.js';
import { ApiClient, problem } from '../support/api/client.js';
import { freePort } from '../support/api/free-port.js';
import { anotherAddress, cookieOf } from '../support/api/signed-in.js';
import { closeContexts, launchChromium } from '../support/e2e/chromium.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { CALLBACK_PATH, OidcBrowser } from '../support/oidc/oidc-browser.js';
import { OpenIdProvider } from '../support/oidc/openid-provider.js';

const NOT_CONFIRMED = 'did not confirm this sign-in';
const OTHER_BROWSER = 'begun in another browser';

describe('a sign-in by an OpenID provider', () => {
  let server: TestServer;
  let provider: OpenIdProvider;
  let chromium: Browser;
  let url: string;

  const newBrowser = (): Promise<OidcBrowser> => OidcBrowser.open(chromium, url);
  /** A valid address to come back to, which the browser has not gone to. */
  const unusedCallback = async (browser: OidcBrowser): Promise<URL> => {
    await browser.start();
    return browser.authorize('ada');
  };
  const expectRefused = async (browser: OidcBrowser, message: string): Promise<void> => {
    expect(await browser.text()).toContain(message);
    expect((await browser.me()).status).toBe(401);
  };

  beforeAll(async () => {
    const port = await freePort();
    url = `http://localhost:${port}`;
    provider = new OpenIdProvider(await freePort(), url, 'client_secret_post');
    provider.accounts.set('ada', { email: 'ada@example.org', email_verified: true });
    await provider.start();
    chromium = await launchChromium();
    server = await startTestServer({ ...provider.env, OIDC_NEW_USER_DOMAINS: '*' }, { port });
  }, 90_000);
  afterEach(() => closeContexts(chromium));
  afterAll(async () => {
    await chromium?.close();
    await server?.dispose();
    await provider?.stop();
  }, 60_000);

  it('asks with PKCE, a state and a nonce, and keeps them from scripts and other hosts', async () => {
    const answer = await fetch(`${url}/api/auth/oidc/start`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'no-store']);
    const { origin, searchParams } = new URL(answer.headers.get('location')!);
    expect(origin).toBe(provider.issuer);
    expect(Object.fromEntries(searchParams)).toEqual({
      response_type: 'code',
      client_id: 'devforge',
      redirect_uri: `${url}${CALLBACK_PATH}`,
      scope: 'openid email profile groups',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    });
    const [cookie] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^devforge_oidc=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/);
    for (const name of ['state', 'nonce']) expect(cookie).not.toContain(searchParams.get(name));
  });

  it('works once, also with the same cookie', async () => {
    const browser = await newBrowser();
    await browser.start();
    const cookies = await browser.context.cookies(url);
    const callback = await browser.login('ada');
    expect((await browser.me()).status).toBe(200);

    const again = await newBrowser();
    await again.page.goto(callback.href);
    await expectRefused(again, OTHER_BROWSER);
    await again.context.addCookies(cookies);
    await again.page.goto(callback.href);
    await expectRefused(again, NOT_CONFIRMED);
  }, 60_000);

  it('ends in the browser that began it alone', async () => {
    const [attacker, victim] = [await newBrowser(), await newBrowser()];
    const callback = await unusedCallback(attacker);
    await victim.page.goto(callback.href);
    await expectRefused(victim, OTHER_BROWSER);
    // The victim is on the way to the provider, too.
    await victim.start();
    await victim.page.goto(callback.href);
    await expectRefused(victim, OTHER_BROWSER);
    await attacker.page.goto(callback.href);
    expect((await attacker.me()).status).toBe(200);
  }, 60_000);

  it.each<[string, string, (callback: URL, foreign: URL) => void]>([
    ['another state', OTHER_BROWSER, ({ searchParams }) => searchParams.set('state', 'a'.repeat(43))],
    ['no state', OTHER_BROWSER, ({ searchParams }) => searchParams.delete('state')],
    ['an invented code', NOT_CONFIRMED, ({ searchParams }) => searchParams.set('code', 'x')],
    ['no code', NOT_CONFIRMED, ({ searchParams }) => searchParams.delete('code')],
    ['two states', NOT_CONFIRMED, ({ searchParams }) => searchParams.append('state', 'x')],
    ['another issuer', NOT_CONFIRMED, ({ searchParams }) => searchParams.set('iss', 'https://evil.example')],
    [
      "the code of somebody else's sign-in",
      NOT_CONFIRMED,
      ({ searchParams }, foreign) => searchParams.set('code', foreign.searchParams.get('code')!),
    ],
  ])('is refused with %s', async (_, message, change) => {
    const foreign = await unusedCallback(await newBrowser());
    const browser = await newBrowser();
    const callback = await unusedCallback(browser);
    change(callback, foreign);
    await browser.page.goto(callback.href);
    await expectRefused(browser, message);
  });

  it.each([
    ['another nonce', 'nonce'],
    ['the PKCE challenge of another browser', 'code_challenge'],
  ])('is refused when the provider was asked with %s', async (_, parameter) => {
    const browser = await newBrowser();
    await browser.startWith((parameters) => parameters.set(parameter, 'a'.repeat(43)));
    await browser.login('ada');
    await expectRefused(browser, NOT_CONFIRMED);
  });

  it('says that the provider does not answer when it is gone half-way', async () => {
    const browser = await newBrowser();
    const callback = await unusedCallback(browser);
    await provider.stop();
    try {
      const answer = await browser.page.goto(callback.href);
      expect(answer!.status()).toBe(503);
      await expectRefused(browser, 'does not answer');
    } finally {
      await provider.start();
    }
  }, 60_000);

  it('goes on at a path of DevForge alone', async () => {
    const others = [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '/\t/evil.example',
    ];
    for (const returnTo of [
      ...others,
      '/.//evil.example',
      'javascript:alert(1)',
      'docs',
      '',
      `/${'x'.repeat(1_000)}`,
    ]) {
      const answer = await new ApiClient(url, null).request('GET', '/api/auth/oidc/start', { query: { returnTo } });
      expect([returnTo, problem(answer).errors?.[0]?.field]).toEqual([returnTo, 'returnTo']);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    const browser = await newBrowser();
    await browser.signIn('ada', '/docs/../sign-in?x=//evil.example');
    expect(browser.page.url()).toBe(`${url}/sign-in?x=//evil.example`);
  }, 60_000);

  it('may fail ten times a minute at an address', async () => {
    const address = { 'x-forwarded-for': anotherAddress() };
    const attempt = async (): Promise<{ status: number; code: string }> => {
      const start = await fetch(`${url}/api/auth/oidc/start`, { redirect: 'manual' });
      const state = new URL(start.headers.get('location')!).searchParams.get('state')!;
      const api = new ApiClient(url, null, { cookie: cookieOf(start), ...address });
      const { status, code } = problem(await api.request('GET', CALLBACK_PATH, { query: { state, code: 'x' } }));
      return { status, code };
    };
    for (let count = 0; count < 10; count += 1)
      expect(await attempt()).toEqual({ status: 403, code: 'sign_in_refused' });
    expect(await attempt()).toEqual({ status: 429, code: 'rate_limited' });
  });

  it.each([
    ['a client', 'application/json', 'application/problem+json'],
    ['a browser', 'text/html', 'text/html'],
  ])('is recorded in the audit when %s is refused', async (_, accept, type) => {
    const start = await fetch(`${url}/api/auth/oidc/start`, { redirect: 'manual' });
    const state = new URL(start.headers.get('location')!).searchParams.get('state')!;
    const requestId = `audit-${randomUUID()}`;
    const from = { cookie: cookieOf(start), 'x-forwarded-for': anotherAddress() };
    const headers = { accept, 'x-request-id': requestId, ...from };
    const answer = await fetch(`${url}${CALLBACK_PATH}?state=${state}&code=x`, { headers });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([403, expect.stringContaining(type)]);
    const events = async (): Promise<AuditEvent[]> =>
      (await auditOf(server.api, { action: 'session.create' })).filter((event) => event.requestId === requestId);
    await until('it is recorded', async () => (await events()).length > 0);
    await expect(events()).resolves.toEqual([
      expect.objectContaining({
        outcome: 'refused',
        code: 'sign_in_refused',
        actor: null,
        credential: { kind: 'oidc', id: provider.issuer },
        target: { kind: 'user', id: null, name: null },
      }),
    ]);
  });

  it('begins at the address of DevForge alone', async () => {
    const answer = await new ApiClient(server.devforge.url, null).request('GET', '/api/auth/oidc/start');
    expect(problem(answer)).toMatchObject({ code: 'sign_in_unavailable', detail: expect.stringContaining(url) });
  });
});
