/** What somebody might try to get into a session, to act by one of others, or to keep what was taken away. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, ok, problem } from '../support/api/client.js';
import {
  cookieOf,
  inviteUser,
  newSignedInUser,
  PASSWORD,
  publicUrlOf,
  secretOf,
  type SignedIn,
  trySignIn,
} from '../support/api/signed-in.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const DEFAULT_PROJECT = '00000000-0000-4000-8000-000000000001';

interface Key {
  id: string;
  key: string;
  createdBy: string;
}

describe('somebody who wants in', () => {
  let server: TestServer;
  let url: string;
  let users = 0;

  const newEmail = (): string => `person-${(users += 1)}@example.org`;
  const newUser = (role = 'owner'): Promise<SignedIn> =>
    newSignedInUser(server.api, { email: newEmail(), projects: { [DEFAULT_PROJECT]: role } });
  const nobody = (): ApiClient => new ApiClient(url, null);
  const accept = (token: string, password: string) =>
    nobody().request('POST', '/api/invitations/accept', { body: { token, password } });
  const disable = (user: { id: string }, disabled = true) =>
    server.api.request('PATCH', `/api/users/${user.id}`, { body: { disabled } }).then(ok);

  beforeAll(async () => {
    server = await startTestServer();
    url = publicUrlOf(server.devforge);
  }, 60_000);
  afterAll(() => server?.dispose(), 60_000);

  it('uses an invitation once, however many come at the same moment, and only the first password counts', async () => {
    const { user, invitationUrl } = await inviteUser(server.api, { email: newEmail() });
    const passwords = Array.from({ length: 10 }, (_, index) => `a password of number ${index}`);
    const answers = await Promise.all(passwords.map((password) => accept(secretOf({ invitationUrl }), password)));
    const accepted = passwords.filter((_, index) => answers[index]!.status < 300);
    expect(accepted).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status >= 300))
      expect(problem(answer).code).toBe('invitation_not_found');
    for (const password of [accepted[0]!, passwords.find((each) => each !== accepted[0])!])
      expect((await trySignIn(url, { email: user.email, password })).status).toBe(password === accepted[0] ? 201 : 401);
  });

  it('gets nothing by the invitation of a user who is disabled or removed', async () => {
    const [disabled, removed] = [
      await inviteUser(server.api, { email: newEmail() }),
      await inviteUser(server.api, { email: newEmail() }),
    ];
    await disable(disabled.user);
    ok(await server.api.request('DELETE', `/api/users/${removed.user.id}`));
    for (const each of [disabled, removed]) {
      await accept(secretOf(each), PASSWORD);
      expect((await trySignIn(url, { email: each.user.email })).status).toBe(401);
    }
  });

  it.each([
    ['application/json', '{"name":"csrf"}'],
    ['application/json; charset=utf-8', '{"name":"csrf"}'],
    ['application/problem+json', '{"name":"csrf"}'],
    ['text/plain', '{"name":"csrf"}'],
    ['text/plain; application/json', '{"name":"csrf"}'],
    ['application/x-www-form-urlencoded', 'name=csrf'],
    ['multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\ncsrf\r\n--b--\r\n'],
    ['', '{"name":"csrf"}'],
  ])('changes nothing by the cookie of another browser with the type "%s"', async (type, body) => {
    const { cookie, api, user } = await newUser();
    for (const headers of [
      { origin: url },
      { origin: url, 'sec-fetch-site': 'same-origin' },
      { origin: 'null' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
      { origin: url.replace('localhost', 'web.localhost'), 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      {},
    ]) {
      const sent = { ...headers, ...(type === '' ? {} : { 'content-type': type }) };
      const send = (method: string, path: string, more: Record<string, string>) =>
        fetch(url + path, { method, headers: { ...sent, ...more }, ...(method === 'GET' ? {} : { body }) });
      const post = await send('POST', '/api/api-keys', { cookie });
      expect([sent, [401, 403].includes(post.status)]).toEqual([sent, true]);
      for (const override of ['x-http-method-override', 'x-method-override', 'x-http-method'])
        expect((await send('GET', '/api/api-keys?_method=POST', { cookie, [override]: 'POST' })).status).not.toBe(201);
      // Nor does it sign the other browser in as somebody else.
      const credentials = JSON.stringify({ email: user.email, password: PASSWORD });
      const isOwnPage = sent.origin === url || sent.origin === undefined;
      if (isOwnPage && type.startsWith('application/json')) continue;
      const signIn = await fetch(`${url}/api/sessions`, { method: 'POST', headers: sent, body: credentials });
      expect([sent, signIn.headers.getSetCookie()]).toEqual([sent, []]);
    }
    expect(ok(await api.request<{ items: Key[] }>('GET', '/api/api-keys')).items.map(({ id }) => id)).toEqual([]);
  });

  it('gets into no session by a cookie that it plants, by whatever way the other one signs in', async () => {
    const [attacker, victim] = [await newUser(), await newUser()];
    const { key } = ok(await victim.api.request<Key>('POST', '/api/api-keys', { body: { name: 'own' } }));
    const planted = { cookie: attacker.cookie };
    const answer = await nobody().request('POST', '/api/sessions/by-token', { body: { token: key }, headers: planted });
    expect(answer.status).toBe(201);
    expect(cookieOf(answer)).not.toBe(attacker.cookie);
    expect((await nobody().request('GET', '/api/me', { headers: planted })).status).toBe(401);
  });

  it('is not taken for another one by a second cookie, in requests, changes or sockets', async () => {
    const [attacker, victim] = [await newUser(), await newUser()];
    for (const cookie of [`${attacker.cookie}; ${victim.cookie}`, `${victim.cookie}; ${attacker.cookie}`]) {
      await expect(SocketClient.connect(url, { cookie, origin: url })).rejects.toMatchObject({
        data: { code: 'unauthorized' },
      });
      for (const { session } of [attacker, victim]) {
        const headers = { cookie, 'x-csrf-token': session.csrfToken };
        const changed = await nobody().request('POST', '/api/api-keys', { body: { name: 'x' }, headers });
        expect(changed.status).toBe(401);
      }
    }
  });

  it('keeps nothing of what it made for itself before it was disabled, by whatever way', async () => {
    const { user, api } = await newUser();
    const make = async (by: ApiClient, body: object): Promise<Key> =>
      ok(await by.request<Key>('POST', '/api/api-keys', { body: { name: 'x', ...body } }));
    const own = await make(api, {});
    const byKey = new ApiClient(server.devforge.url, own.key);
    const second = await make(byKey, {});
    const ofProject = await make(api, { projectId: DEFAULT_PROJECT, role: 'viewer' });
    const signedIn = await nobody().request('POST', '/api/sessions/by-token', { body: { token: own.key } });
    const cookie = cookieOf(signedIn);
    const link = ok(await api.request<{ url: string }>('POST', '/api/session-links'));
    await disable(user);
    for (const { key } of [own, second]) {
      expect((await new ApiClient(server.devforge.url, key).list()).status).toBe(401);
      await expect(SocketClient.connect(url, { token: key })).rejects.toMatchObject({ data: { code: 'unauthorized' } });
      const again = await nobody().request('POST', '/api/sessions/by-token', { body: { token: key } });
      expect(again.headers.getSetCookie()).toEqual([]);
    }
    expect((await nobody().request('GET', '/api/me', { headers: { cookie } })).status).toBe(401);
    const redeemed = await nobody().request('POST', '/api/sessions/by-link', {
      body: { secret: secretOf({ invitationUrl: link.url }) },
    });
    expect(redeemed.headers.getSetCookie()).toEqual([]);
    // What belongs to the project stays there, and says whose it is, for the owners to revoke.
    const { items } = ok(
      await server.api.request<{ items: Key[] }>('GET', '/api/api-keys', { query: { projectId: DEFAULT_PROJECT } }),
    );
    expect(items.find(({ id }) => id === ofProject.id)).toMatchObject({ createdBy: user.id });
    await disable(user, false);
    expect((await byKey.list()).status).toBe(200);
  });
});
