/** Signing in by an OpenID provider, with a real one and in a real browser. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { auditOf } from '../support/api/audit.js';
import { ok } from '../support/api/client.js';
import { freePort } from '../support/api/free-port.js';
import { inviteUser, newSignedInUser, publicUrlOf, type User } from '../support/api/signed-in.js';
import { closeContexts, launchChromium } from '../support/e2e/chromium.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { OidcBrowser } from '../support/oidc/oidc-browser.js';
import { type Account, CLIENT_SECRET, OpenIdProvider } from '../support/oidc/openid-provider.js';

const SESSION = 'devforge_session';
const FLOW = 'devforge_oidc';

describe('signing in by an OpenID provider', () => {
  let server: TestServer;
  let provider: OpenIdProvider;
  let chromium: Browser;
  let url: string;
  let shop: { id: string };
  /** That must not be in the log. */
  const secrets = [CLIENT_SECRET];

  const newBrowser = (): Promise<OidcBrowser> => OidcBrowser.open(chromium, url);
  let accounts = 0;
  const newAccount = (account: Account = {}): { login: string; email: string } => {
    const login = `account-${(accounts += 1)}`;
    const email = account.email ?? `${login}@partner.example`;
    provider.accounts.set(login, { email, email_verified: true, ...account });
    return { login, email };
  };
  const usersOf = async (email: string): Promise<User[]> =>
    ok(await server.api.request<{ items: User[] }>('GET', '/api/users')).items.filter((user) => user.email === email);
  const signedIn = async (login: string): Promise<OidcBrowser> => {
    const browser = await newBrowser();
    const callback = await browser.signIn(login);
    secrets.push(callback.searchParams.get('code')!, callback.searchParams.get('state')!);
    return browser;
  };
  const expectRefused = async (browser: OidcBrowser, message: RegExp | string): Promise<void> => {
    expect(await browser.text()).toMatch(message);
    expect(await browser.page.title()).toBe('Not signed in');
    expect(await browser.cookie(SESSION)).toBeUndefined();
    expect((await browser.me()).status).toBe(401);
  };

  beforeAll(async () => {
    const port = await freePort();
    url = `http://localhost:${port}`;
    provider = new OpenIdProvider(await freePort(), url);
    chromium = await launchChromium();
    server = await startTestServer(
      {
        ...provider.env,
        OIDC_NEW_USER_DOMAINS: 'Example.org',
        OIDC_GROUP_ROLES: 'staff=shop:member, leads=shop:owner, operations=admin, guests=user',
      },
      { port },
    );
    expect(publicUrlOf(server.devforge)).toBe(url);
    shop = ok(await server.api.request('POST', '/api/projects', { body: { name: 'shop' } }));
  }, 90_000);
  afterEach(() => closeContexts(chromium));
  afterAll(async () => {
    await chromium?.close();
    await server?.dispose();
    await provider?.stop();
  }, 60_000);

  it('says that the provider does not answer, and works once it does', async () => {
    const browser = await newBrowser();
    expect(await browser.start()).toBe(503);
    await expectRefused(browser, 'The OpenID provider does not answer');
    await provider.start();
    expect(await browser.start()).toBe(200);
    const { login } = newAccount({ email: 'early@example.org' });
    await provider.stop();
    await provider.start();
    await browser.start();
    await browser.login(login);
    expect((await browser.me()).status).toBe(200);
  }, 60_000);

  it('signs an invited user in by the verified email, and from then on by the account', async () => {
    const { login, email } = newAccount({ name: 'Somebody else' });
    const { user } = await inviteUser(server.api, { email });
    const browser = await newBrowser();
    await browser.signIn(login, '/docs/errors?from=oidc#sign_in_refused');
    expect(browser.page.url()).toBe(`${url}/docs/errors?from=oidc#sign_in_refused`);
    expect(await browser.me()).toEqual({
      status: 200,
      body: { kind: 'user', id: user.id, name: user.name, projects: [], permissions: expect.any(Array) },
    });
    expect(await browser.cookie(SESSION)).toMatchObject({ httpOnly: true, sameSite: 'Lax', domain: 'localhost' });
    expect(await browser.cookie(FLOW)).toBeUndefined();
    expect(await usersOf(email)).toMatchObject([{ status: 'active', lastSignInAt: expect.any(String) }]);

    provider.accounts.set(login, { email: 'renamed@elsewhere.example', email_verified: false });
    const later = await signedIn(login);
    expect((await later.me()).body).toMatchObject({ id: user.id });
  }, 60_000);

  it('makes users of an allowed domain, once', async () => {
    const { login, email } = newAccount({ email: 'New.Colleague@example.org', name: 'New Colleague' });
    const [one, two] = [await signedIn(login), await signedIn(login)];
    expect((await one.me()).body).toMatchObject({ kind: 'user', name: 'New Colleague' });
    expect((await two.me()).body).toEqual((await one.me()).body);
    expect(await usersOf(email.toLowerCase())).toHaveLength(1);
  }, 60_000);

  it.each<[string, Account, RegExp]>([
    ['nobody has invited', {}, /no user of DevForge for account-\d+@partner\.example/],
    ['is of a domain that ends like an allowed one', { email: 'x@evilexample.org' }, /no user of DevForge/],
    ['has an email that is not verified', { email: 'x@example.org', email_verified: false }, /not confirmed an email/],
  ])('refuses somebody who %s', async (_, account, message) => {
    const { login, email } = newAccount(account);
    await expectRefused(await signedIn(login), message);
    expect(await usersOf(email)).toEqual([]);
  });

  it('does not give a user to a second account with the same email', async () => {
    const { login, email } = newAccount({ email: 'handed-on@example.org' });
    const first = await signedIn(login);
    const second = newAccount({ email });
    await expectRefused(await signedIn(second.login), 'another account at the OpenID provider');
    expect((await first.me()).status).toBe(200);
  }, 60_000);

  it('refuses a user who is disabled', async () => {
    const { login, email } = newAccount({ email: 'leaver@example.org' });
    const browser = await signedIn(login);
    const [user] = await usersOf(email);
    ok(await server.api.request('PATCH', `/api/users/${user!.id}`, { body: { disabled: true } }));
    expect((await browser.me()).status).toBe(401);
    await expectRefused(await signedIn(login), 'is disabled');
    const refusals = () => auditOf(server.api, { target: email, outcome: 'refused' });
    await until('it is recorded', async () => (await refusals()).length > 0);
    await expect(refusals()).resolves.toEqual([
      expect.objectContaining({
        action: 'session.create',
        code: 'sign_in_refused',
        target: { kind: 'user', id: user!.id, name: email },
      }),
    ]);
  }, 60_000);

  it('gives the roles of groups at each sign-in, and takes them away', async () => {
    const { login } = newAccount({ groups: ['staff', 'others'] });
    const project = { id: shop.id, name: 'shop' };
    const steps: [string[], object][] = [
      [['staff', 'others'], { kind: 'user', projects: [{ ...project, role: 'member' }] }],
      [['leads', 'staff'], { kind: 'user', projects: [{ ...project, role: 'owner' }] }],
      [['operations', 'staff'], { kind: 'administrator' }],
      [['guests'], { kind: 'user', projects: [] }],
      [[], { kind: 'user', projects: [] }],
    ];
    for (const [groups, expected] of steps) {
      provider.accounts.set(login, { email: 'grouped@partner.example', email_verified: true, groups });
      expect((await (await signedIn(login)).me()).body).toMatchObject(expected);
    }
    const outsider = newAccount({ groups: ['others'] });
    await expectRefused(await signedIn(outsider.login), 'no user of DevForge');
  }, 90_000);

  it('is recorded with what it entails, as an act of the user by the provider', async () => {
    const { login, email } = newAccount({ email: 'audited@example.org', groups: ['staff', 'operations'] });
    await signedIn(login);
    const [user] = await usersOf(email);
    const events = await auditOf(server.api, { actor: user!.id });
    expect(events.map(({ action, credential }) => [action, credential!.kind]).toReversed()).toEqual([
      ['user.create', 'oidc'],
      ['user.link', 'oidc'],
      ['user.update', 'oidc'],
      ['member.set', 'oidc'],
      ['session.create', 'session'],
    ]);
    expect(events.map(({ credential }) => credential!.id)).toContain(provider.issuer);
  }, 60_000);

  it('says so when the person cancels at the provider', async () => {
    const browser = await newBrowser();
    await browser.start();
    await browser.page.getByRole('button', { name: 'Cancel' }).click();
    await browser.page.waitForURL(({ origin }) => origin === url);
    await expectRefused(browser, 'did not let you sign in');
  });

  it('begins a new session, whatever cookie the browser had, and ends the earlier one', async () => {
    const { login } = newAccount({ email: 'fixed@example.org' });
    const attacker = await newSignedInUser(server.api, { email: 'attacker@example.org' });
    for (const planted of [attacker.cookie.split('=')[1]!, `${'0'.repeat(32)}_${'a'.repeat(43)}`]) {
      const browser = await newBrowser();
      await browser.context.addCookies([{ name: SESSION, value: planted, url }]);
      await browser.signIn(login);
      expect((await browser.cookie(SESSION))!.value).not.toBe(planted);
      expect((await browser.me()).body).toMatchObject({ name: 'fixed@example.org' });
    }
    expect((await attacker.api.request('GET', '/api/me')).status).toBe(401);
  }, 60_000);

  it('writes neither codes nor secrets into the log', () => {
    const log = server.devforge.log();
    expect(log).toContain('A sign-in by the OpenID provider failed');
    expect(log).toContain('"oauthError":"access_denied"');
    expect(secrets.length).toBeGreaterThan(20);
    expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
  });
});
