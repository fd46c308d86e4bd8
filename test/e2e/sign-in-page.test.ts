/** The page to sign in at, in a browser: with a password, by an OpenID provider, with a token. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { freePort } from '../support/api/free-port.js';
import { anotherAddress, newSignedInUser, type OwnSession, PASSWORD } from '../support/api/signed-in.js';
import { launchChromium } from '../support/e2e/chromium.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { OpenIdProvider } from '../support/oidc/openid-provider.js';

const SLOW = { timeout: 30_000 };
const DEFAULT_PROJECT = '00000000-0000-4000-8000-000000000001';
const EMAIL = 'ada@example.org';

describe('the page to sign in at', () => {
  let server: TestServer;
  let provider: OpenIdProvider;
  let chromium: Browser;
  let url: string;
  let context: BrowserContext | undefined;
  let violations: string[];

  const open = async (query = ''): Promise<Page> => {
    context = await chromium.newContext({ extraHTTPHeaders: { 'x-forwarded-for': anotherAddress() } });
    const page = await context.newPage();
    violations = [];
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) violations.push(message.text());
    });
    await page.goto(`${url}/sign-in${query}`, SLOW);
    return page;
  };
  const enter = async (page: Page, password = PASSWORD): Promise<void> => {
    await page.getByLabel('Email').fill(EMAIL);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  const me = async (): Promise<unknown> => (await context!.request.get(`${url}/api/me`)).json();

  beforeAll(async () => {
    const port = await freePort();
    url = `http://localhost:${port}`;
    provider = new OpenIdProvider(await freePort(), url);
    provider.accounts.set('ada', { email: EMAIL, email_verified: true });
    await provider.start();
    chromium = await launchChromium();
    server = await startTestServer(provider.env, { port });
    await newSignedInUser(server.api, { email: EMAIL, projects: { [DEFAULT_PROJECT]: 'member' } });
  }, 90_000);
  afterEach(async () => {
    await context?.close();
    expect(violations).toEqual([]);
  });
  afterAll(async () => {
    await chromium?.close();
    await server?.dispose();
    await provider?.stop();
  }, 60_000);

  it('signs in with a password, says who is signed in, and signs out', async () => {
    const page = await open();
    await enter(page);
    await page.getByText('You are signed in as ada.').waitFor(SLOW);
    expect(await me()).toMatchObject({ kind: 'user', name: 'ada' });
    expect(await page.getByLabel('Password').isVisible()).toBe(false);

    await page.reload();
    await page.getByText('You are signed in as ada.').waitFor(SLOW);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Password').waitFor(SLOW);
    expect(await me()).toMatchObject({ code: 'unauthorized' });
    expect(await context!.cookies(url)).toEqual([]);
  }, 60_000);

  it('says that a password is wrong, and takes the right one then', async () => {
    const page = await open();
    await enter(page, 'a wrong password');
    await page.getByRole('alert').getByText('The email or the password is wrong.').waitFor(SLOW);
    expect(await me()).toMatchObject({ code: 'unauthorized' });
    const password = page.getByLabel('Password');
    expect(await password.inputValue()).toBe('');
    expect(await password.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
    await enter(page);
    await page.getByText('You are signed in as ada.').waitFor(SLOW);
    expect(await page.getByRole('alert').innerText()).toBe('');
  }, 60_000);

  it('goes on at a path of DevForge, and at no other address', async () => {
    await enter(await open('?returnTo=/docs/errors%23forbidden'));
    await context!.pages()[0]!.waitForURL(`${url}/docs/errors#forbidden`, SLOW);
    await context!.close();
    for (const elsewhere of ['//evil.example', 'https://evil.example', '/%5Cevil.example', 'javascript:alert(1)']) {
      const page = await open(`?returnTo=${elsewhere}`);
      await enter(page);
      await page.getByText('You are signed in as ada.').waitFor(SLOW);
      expect(new URL(page.url()).origin).toBe(url);
      await context!.close();
    }
  }, 90_000);

  it('leads to the OpenID provider and back to what the person wanted', async () => {
    const page = await open('?returnTo=/docs/errors');
    await page.getByRole('link', { name: 'Sign in with Example Org' }).click();
    await page.getByLabel('Login').fill('ada');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(`${url}/docs/errors`, SLOW);
    expect(await me()).toMatchObject({ name: 'ada' });
  }, 60_000);

  it('opens a container with a token or a session, and says what is wrong', async () => {
    const page = await open('?container=web&port=3000');
    await page.getByText('to open port 3000 of web').waitFor(SLOW);
    const token = page.getByLabel('DevForge token');
    await token.fill('a wrong token');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('This token is not valid.').waitFor(SLOW);
    await token.fill(server.devforge.token);
    await page.getByRole('button', { name: 'Open' }).click();
    const absent = page.getByRole('alert').getByText(/no container/i);
    await absent.waitFor(SLOW);
    expect(await me()).toMatchObject({ code: 'unauthorized' });

    await enter(page);
    await page.getByText('You are signed in as ada.').waitFor(SLOW);
    await absent.waitFor(SLOW);
    const asked = page.waitForRequest((request) => request.url().endsWith('/ports/3000/preview'));
    await page.getByRole('button', { name: 'Open' }).click();
    const { authorization, 'x-csrf-token': csrfToken } = (await asked).headers();
    const session = await context!.request.get(`${url}/api/sessions/current`);
    expect([authorization, csrfToken]).toEqual([undefined, ((await session.json()) as OwnSession).csrfToken]);
  }, 60_000);
});
