/** Users from their invitation to their removal, with what they may do in projects. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, ok, problem } from '../support/api/client.js';
import {
  anotherAddress,
  inviteUser,
  newSignedInUser,
  PASSWORD,
  publicUrlOf,
  secretOf,
  signIn,
  type SignedIn,
  trySignIn,
  type User,
} from '../support/api/signed-in.js';
import { launchChromium } from '../support/e2e/chromium.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';

const DEFAULT_PROJECT = '00000000-0000-4000-8000-000000000001';

describe('users', () => {
  let server: TestServer;
  let url: string;
  let other: { id: string };
  let emails = 0;
  const newEmail = (): string => `user-${(emails += 1)}@example.org`;
  const newUser = (options: { role?: string; projects?: Record<string, string> } = {}): Promise<SignedIn> =>
    newSignedInUser(server.api, { email: newEmail(), ...options });
  const accept = (token: string, password = PASSWORD) =>
    new ApiClient(url, null).request<{ email: string }>('POST', '/api/invitations/accept', {
      body: { token, password },
    });

  beforeAll(async () => {
    server = await startTestServer();
    url = publicUrlOf(server.devforge);
    other = ok(await server.api.request('POST', '/api/projects', { body: { name: 'other' } }));
  }, 60_000);
  afterAll(() => server?.dispose(), 60_000);

  describe('who are invited', () => {
    it('set a password by a link that works once, and sign in with it', async () => {
      const answer = await server.api.request<{ user: User; invitationUrl: string }>('POST', '/api/users', {
        body: { email: 'Grace@Example.org', name: 'Grace Hopper' },
      });
      expect([answer.status, answer.headers.get('location')]).toEqual([201, `/api/users/${answer.body.user.id}`]);
      expect(answer.body.user).toMatchObject({ email: 'grace@example.org', role: 'user', status: 'invited' });
      expect(answer.body.invitationUrl).toMatch(new RegExp(`^${url}/invitation#[A-Za-z0-9_-]{43}$`));
      expect((await trySignIn(url, { email: 'grace@example.org' })).status).toBe(401);
      const token = secretOf(answer.body);
      const short = await accept(token, 'too short');
      expect(problem(short).errors).toEqual([{ field: 'password', messages: [expect.stringContaining('12')] }]);
      expect(ok(await accept(token))).toEqual({ email: 'grace@example.org' });
      expect(problem(await accept(token, 'another password')).code).toBe('invitation_not_found');
      const { api } = await signIn(url, { ...answer.body.user, email: ' GRACE@example.org '.trim() });
      expect(ok(await api.request('GET', '/api/me'))).toEqual({
        kind: 'user',
        id: answer.body.user.id,
        name: 'Grace Hopper',
        projects: [],
        permissions: expect.any(Array),
      });
      const user = ok(await server.api.request<User>('GET', `/api/users/${answer.body.user.id}`));
      expect(user).toMatchObject({ status: 'active', lastSignInAt: expect.any(String) });
    });

    it('get a new link instead of the earlier one, which also resets a password', async () => {
      const { user, session, cookie, api } = await newUser();
      const first = ok(await server.api.request<{ invitationUrl: string }>('POST', `/api/users/${user.id}/invitation`));
      const second = ok(
        await server.api.request<{ invitationUrl: string }>('POST', `/api/users/${user.id}/invitation`),
      );
      expect((await accept(secretOf(first))).status).toBe(404);
      expect((await api.request('GET', '/api/me')).status).toBe(200);
      ok(await accept(secretOf(second), 'a new password of mine'));
      const before = new ApiClient(url, null, { cookie, 'x-csrf-token': session.csrfToken });
      expect((await before.request('GET', '/api/me')).status).toBe(401);
      expect((await trySignIn(url, { email: user.email })).status).toBe(401);
      await signIn(url, user, 'a new password of mine');
    });

    it('are one of an email, in upper and lower case', async () => {
      const { user } = await inviteUser(server.api, { email: newEmail() });
      const second = { email: user.email.toUpperCase(), name: 'x' };
      expect(problem(await server.api.request('POST', '/api/users', { body: second })).code).toBe('email_taken');
      for (const email of ['x', 'x@', 'a b@example.org', `${'x'.repeat(250)}@example.org`])
        expect((await server.api.request('POST', '/api/users', { body: { email, name: 'x' } })).status).toBe(400);
    });

    it('leave neither the link nor the password in the database or the log', async () => {
      const { user, password, cookie } = await newUser();
      const invited = await inviteUser(server.api, { email: newEmail() });
      const answers = JSON.stringify(ok(await server.api.request('GET', '/api/users')));
      for (const secret of [password, secretOf(invited), cookie.split('_').at(-1)!]) {
        expect(server.devforge.log()).not.toContain(secret);
        expect(answers).not.toContain(secret);
      }
      expect(answers).toContain(user.email);
    });

    it('set their password on a page', async () => {
      const { user, invitationUrl } = await inviteUser(server.api, { email: newEmail() });
      const browser = await launchChromium();
      try {
        const page = await browser.newPage();
        const requested: string[] = [];
        page.on('request', (request) => requested.push(request.url()));
        await page.goto(invitationUrl);
        expect(page.url()).toBe(`${url}/invitation`);
        await page.fill('#password', PASSWORD);
        await page.fill('#again', 'something else altogether');
        await page.click('button');
        await page.getByText('The two passwords are not the same.').waitFor();
        await page.fill('#again', PASSWORD);
        await page.click('button');
        await page.waitForURL(`${url}/`);
        expect(requested.filter((each) => each.includes(secretOf({ invitationUrl })))).toEqual([]);
        expect(requested).toContain(`${url}/api/invitations/accept`);
      } finally {
        await browser.close();
      }
      await signIn(url, user);
    }, 60_000);
  });

  describe('in projects', () => {
    it('may do there what their role allows, from the moment at which they get it', async () => {
      const { user, api } = await newUser();
      expect((await api.list()).status).toBe(403);
      const path = `/api/projects/other/members/${user.id}`;
      const put = (role: string) => server.api.request('PUT', path, { body: { role } });
      expect(ok(await put('viewer'))).toMatchObject({ userId: user.id, role: 'viewer' });
      expect((await api.list()).status).toBe(200);
      expect((await api.create({ name: 'x', template: 'claude' })).status).toBe(403);
      ok(await put('owner'));
      expect(ok(await api.request('GET', '/api/me'))).toMatchObject({
        projects: [{ id: other.id, name: 'other', role: 'owner' }],
      });
      const { items } = ok(await api.request<{ items: object[] }>('GET', `/api/projects/${other.id}/members`));
      expect(items).toEqual([
        { userId: user.id, email: user.email, name: user.name, role: 'owner', createdAt: expect.any(String) },
      ]);
      expect((await server.api.request('DELETE', path)).status).toBe(204);
      expect((await server.api.request('DELETE', path)).status).toBe(404);
      expect((await api.list()).status).toBe(403);
    });

    it('manage the members of their own project alone, and leave it an owner', async () => {
      const owner = await newUser({ projects: { [other.id]: 'owner' } });
      const friend = await newUser();
      const put = (project: string, user: string, role: string) =>
        owner.api.request('PUT', `/api/projects/${project}/members/${user}`, { body: { role } });
      expect((await put('other', friend.user.id, 'member')).status).toBe(200);
      expect((await put('default', friend.user.id, 'member')).status).toBe(404);
      expect(problem(await put('other', owner.user.id, 'member')).code).toBe('invalid_state');
      const own = `/api/projects/other/members/${owner.user.id}`;
      expect(problem(await owner.api.request('DELETE', own)).code).toBe('invalid_state');
      expect((await put('other', friend.user.id, 'owner')).status).toBe(200);
      expect((await owner.api.request('DELETE', own)).status).toBe(204);
      expect((await friend.api.request('PUT', own, { body: { role: 'viewer' } })).status).toBe(200);
      // Administrators may: they can always add another.
      expect((await server.api.request('DELETE', `/api/projects/other/members/${friend.user.id}`)).status).toBe(204);
      for (const unknown of [other.id, 'x'])
        expect(
          problem(
            await server.api.request('PUT', `/api/projects/other/members/${unknown}`, { body: { role: 'owner' } }),
          ).code,
        ).toBe('user_not_found');
    });

    it('have keys of their own, whose rights follow theirs', async () => {
      const { user, api } = await newUser({ projects: { [DEFAULT_PROJECT]: 'viewer' } });
      const made = ok(
        await api.request<{ id: string; key: string }>('POST', '/api/api-keys', { body: { name: 'laptop' } }),
      );
      expect(made).toMatchObject({ projectId: null, role: null, userId: user.id });
      const withKey = new ApiClient(server.devforge.url, made.key);
      expect(ok(await withKey.request('GET', '/api/me'))).toMatchObject({ kind: 'user', id: user.id });
      expect((await withKey.list()).status).toBe(200);
      const ofProject = { name: 'x', projectId: DEFAULT_PROJECT };
      expect((await withKey.request('POST', '/api/api-keys', { body: ofProject })).status).toBe(403);
      expect((await withKey.request('POST', '/api/api-keys', { body: { name: 'x', role: 'viewer' } })).status).toBe(
        400,
      );
      const stranger = await newUser({ projects: { [DEFAULT_PROJECT]: 'owner' } });
      const seen = ok(await stranger.api.request<{ items: { id: string }[] }>('GET', '/api/api-keys'));
      expect(seen.items.map(({ id }) => id)).not.toContain(made.id);
      expect((await stranger.api.request('DELETE', `/api/api-keys/${made.id}`)).status).toBe(404);
      ok(await server.api.request('PATCH', `/api/users/${user.id}`, { body: { role: 'admin' } }));
      expect(ok(await withKey.request('GET', '/api/me'))).toMatchObject({ kind: 'administrator' });
      ok(await server.api.request('PATCH', `/api/users/${user.id}`, { body: { role: 'user' } }));
      expect((await withKey.request('GET', '/metrics')).status).toBe(403);
      expect((await api.request('DELETE', `/api/api-keys/${made.id}`)).status).toBe(204);
      expect((await withKey.list()).status).toBe(401);
    });
  });

  describe('who are administrators', () => {
    it('may do everything, except lock themselves out', async () => {
      const { user, api } = await newUser({ role: 'admin' });
      expect((await api.request('GET', '/metrics')).status).toBe(200);
      for (const body of [{ disabled: true }, { role: 'user' }])
        expect(problem(await api.request('PATCH', `/api/users/${user.id}`, { body })).code).toBe('invalid_state');
      expect(problem(await api.request('DELETE', `/api/users/${user.id}`)).code).toBe('invalid_state');
      ok(await api.request('PATCH', `/api/users/${user.id}`, { body: { name: 'Another' } }));
      ok(await server.api.request('PATCH', `/api/users/${user.id}`, { body: { role: 'user' } }));
      expect((await api.request('GET', '/metrics')).status).toBe(403);
    });
  });

  it('who are disabled keep nothing until they are enabled, and who are removed are gone', async () => {
    const { user, api } = await newUser({ projects: { [DEFAULT_PROJECT]: 'owner' } });
    const change = (body: object) => server.api.request<User>('PATCH', `/api/users/${user.id}`, { body });
    expect(ok(await change({ disabled: true }))).toMatchObject({ disabled: true, status: 'disabled' });
    expect((await api.list()).status).toBe(401);
    expect((await trySignIn(url, { email: user.email })).status).toBe(401);
    ok(await change({ disabled: false }));
    expect((await api.list()).status).toBe(200);
    expect((await server.api.request('DELETE', `/api/users/${user.id}`)).status).toBe(204);
    expect((await api.list()).status).toBe(401);
    expect(problem(await change({ name: 'x' })).code).toBe('user_not_found');
    for (const id of ['x', DEFAULT_PROJECT])
      expect(problem(await server.api.request('DELETE', `/api/users/${id}`)).code).toBe('user_not_found');
  });

  it('who are nobody cannot send more than a few kilobytes', async () => {
    const { port } = new URL(url);
    const send = (path: string, bytes: number) =>
      fetch(`http://localhost:${port}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': anotherAddress() },
        body: JSON.stringify({ email: 'x@example.org', password: 'x'.repeat(bytes) }),
      });
    for (const path of ['/api/sessions', '/api/invitations/accept']) {
      expect((await send(path, 9_000)).status).toBe(413);
      expect((await send(path, 300)).status).toBe(400);
    }
  });
});
