/** Signing in to the console in a browser, also over a network that loses requests. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { ok } from '../support/api/client.js';
import { freePort } from '../support/api/free-port.js';
import { anotherAddress, inviteUser, PASSWORD } from '../support/api/signed-in.js';
import { closeContexts, launchChromium } from '../support/e2e/chromium.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { OpenIdProvider } from '../support/oidc/openid-provider.js';

const SLOW = { timeout: 30_000 };

describe('signing in to the console', () => {
  let server: TestServer;
  let provider: OpenIdProvider;
  let chromium: Browser;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://localhost:${port}`;
    provider = new OpenIdProvider(await freePort(), url);
    await provider.start();
    [server, chromium] = await Promise.all([startTestServer(provider.env, { port }), launchChromium()]);
  }, 90_000);
  afterEach(() => closeContexts(chromium));
  afterAll(async () => {
    await chromium?.close();
    await server?.dispose();
    await provider?.stop();
  }, 60_000);

  const newPage = async (): Promise<Page> =>
    (await chromium.newContext({ extraHTTPHeaders: { 'x-forwarded-for': anotherAddress() } })).newPage();
  const newLink = async (): Promise<string> =>
    ok(await server.api.request<{ url: string }>('POST', '/api/session-links')).url;
  const containersOf = (page: Page): Promise<void> => page.getByRole('heading', { name: 'Containers' }).waitFor(SLOW);
  /** Loses the first requests for each address that matches, as when the network changes. */
  const loseFirst = async (page: Page, pattern: RegExp, count: number): Promise<Map<string, number>> => {
    const lost = new Map<string, number>();
    await page.route(pattern, async (route) => {
      const address = route.request().url();
      const before = lost.get(address) ?? 0;
      if (before === count) return route.continue();
      lost.set(address, before + 1);
      return route.abort('connectionreset');
    });
    return lost;
  };

  it('signs in once by a link, and keeps no secret where scripts can read it', async () => {
    const link = await newLink();
    const page = await newPage();
    await page.goto(link);
    await containersOf(page);
    expect(page.url()).toBe(`${url}/`);
    const readable = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state])',
    );
    expect(readable).not.toContain(new URL(link).hash.slice(1));
    expect(readable).not.toContain('devforge_session');
    await page.reload();
    await containersOf(page);

    const second = await newPage();
    await second.goto(link);
    await second.getByText('This link has been used, has expired, or does not exist.').waitFor(SLOW);
  });

  it('asks somebody who is signed in before a link signs another in', async () => {
    const page = await newPage();
    const context = page.context();
    await page.goto(await newLink());
    await containersOf(page);
    const [before] = await context.cookies();

    const link = await newLink();
    const another = await context.newPage();
    for (const answer of ['Stay Administrator', 'Sign in with the link']) {
      await another.goto('about:blank');
      await another.goto(link);
      await another.getByText('You are signed in as Administrator').waitFor(SLOW);
      expect(await context.cookies()).toEqual([before]);
      await another.getByRole('button', { name: answer }).click();
      await containersOf(another);
    }
    expect((await context.cookies())[0]!.value).not.toBe(before!.value);
  });

  it('signs in with a token at the address that was wanted, and out again', async () => {
    const page = await newPage();
    await page.goto(`${url}/?status=running`);
    await page.getByRole('tab', { name: 'Token' }).click();
    const token = page.getByRole('textbox', { name: 'Token' });
    await token.fill('a wrong token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The token is unknown, revoked or expired.').waitFor(SLOW);
    await token.fill(server.devforge.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await containersOf(page);
    expect(page.url()).toBe(`${url}/?status=running`);
    const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
    expect(kept).not.toContain(server.devforge.token);

    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('tab', { name: 'Token' }).waitFor(SLOW);
    expect((await page.context().request.get(`${url}/api/me`)).status()).toBe(401);
  });

  it('signs in by the OpenID provider, at the address that was wanted', async () => {
    const { user } = await inviteUser(server.api, { email: 'ann@example.org' });
    ok(await server.api.request('PUT', `/api/projects/default/members/${user.id}`, { body: { role: 'member' } }));
    provider.accounts.set('ann', { email: 'ann@example.org', email_verified: true });
    const page = await newPage();
    await page.goto(`${url}/?agent=idle`);
    await page.getByRole('link', { name: 'Sign in with Example Org' }).click();
    await page.getByLabel('Login').fill('ann');
    await page.getByRole('button', { name: 'Log in' }).click();
    await containersOf(page);
    expect(page.url()).toBe(`${url}/?agent=idle`);
    await page.getByRole('button', { name: 'ann' }).waitFor(SLOW);
  }, 60_000);

  it('is done by whoever sets a password with an invitation, and with that password from then on', async () => {
    const { user, invitationUrl } = await inviteUser(server.api, { email: 'bea@example.org' });
    const page = await newPage();
    await page.goto(invitationUrl);
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password once more').fill(PASSWORD);
    await page.getByRole('button', { name: 'Set password' }).click();
    await page.getByText('You are in no project yet').waitFor(SLOW);
    expect(page.url()).toBe(`${url}/`);
    ok(await server.api.request('PUT', `/api/projects/default/members/${user.id}`, { body: { role: 'member' } }));
    await page.getByRole('button', { name: 'bea' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByLabel('Email').fill('bea@example.org');
    await page.getByRole('textbox', { name: 'Password' }).fill('something else altogether');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('alert').getByText('The email or the password is wrong.').waitFor(SLOW);
    await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await containersOf(page);
  }, 60_000);

  it('loads what the network has lost again, from the first script to the pages', async () => {
    const page = await newPage();
    const lost = await loseFirst(page, /\/assets\//, 2);
    await page.goto(await newLink());
    await containersOf(page);
    expect(page.url()).toBe(`${url}/`);
    for (const [link, heading] of [
      ['Inbox', 'Inbox'],
      ['Administration', 'Projects'],
    ] as const) {
      await page.getByRole('link', { name: link }).click();
      await page.getByRole('heading', { name: heading }).waitFor(SLOW);
    }
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor(SLOW);
    expect(lost.size).toBeGreaterThan(5);
    expect(new Set(lost.values())).toEqual(new Set([2]));
  }, 60_000);

  it('says that a page could not be loaded, and loads it when somebody tries again', async () => {
    const page = await newPage();
    await page.goto(await newLink());
    await containersOf(page);
    await page.route(/inbox-page/, (route) => route.abort('connectionreset'));
    await page.getByRole('link', { name: 'Inbox' }).click();
    await page.getByRole('alert').getByText('This could not be loaded').waitFor(SLOW);
    await page.unroute(/inbox-page/);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Inbox' }).waitFor(SLOW);
  }, 60_000);

  it('sends the request of a link again when it was lost, and has somebody try again when they all are', async () => {
    for (const count of [1, 4]) {
      const page = await newPage();
      const lost = await loseFirst(page, /by-link$/, count);
      await page.goto(await newLink());
      if (count === 4) {
        await page.getByText('You could not be signed in').waitFor(SLOW);
        await page.getByRole('button', { name: 'Try again' }).click();
      }
      await containersOf(page);
      expect([...lost.values()]).toEqual([count]);
    }
  }, 60_000);
});
