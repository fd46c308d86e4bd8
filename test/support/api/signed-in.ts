import { ApiClient, type ApiResponse, ok } from './client.js';

export interface User {
  id: string;
  email: string;
  name: string;
  role: string;
  status: string;
  disabled: boolean;
}

export interface OwnSession {
  id: string;
  userId: string;
  csrfToken: string;
}

/** A browser that is signed in. */
export interface SignedIn {
  user: User;
  password: string;
  session: OwnSession;
  /** The value of the `Cookie` header. */
  cookie: string;
  /** Sends the cookie and the CSRF token. */
  api: ApiClient;
}

export const PASSWORD = 'correct horse battery';

/** The address at which browsers sign in to a test server. */
export function publicUrlOf({ url }: { url: string }): string {
  return url.replace('127.0.0.1', 'localhost');
}

export function cookieOf({ headers }: Pick<ApiResponse<unknown>, 'headers'>): string {
  return headers.getSetCookie()[0]!.split(';')[0]!;
}

/** What follows `#` in an invitation link. */
export function secretOf({ invitationUrl }: { invitationUrl: string }): string {
  return new URL(invitationUrl).hash.slice(1);
}

/** @param admin an administrator */
export async function inviteUser(
  admin: ApiClient,
  { email, role = 'user' }: { email: string; role?: string },
): Promise<{ user: User; invitationUrl: string }> {
  return ok(await admin.request('POST', '/api/users', { body: { email, name: email.split('@')[0], role } }));
}

/** Each address may fail to sign in ten times a minute. */
let addresses = 0;
export function anotherAddress(): string {
  addresses += 1;
  return `192.0.2.${addresses}`;
}

export function trySignIn(
  url: string,
  { email, password = PASSWORD, headers = {} }: { email: string; password?: string; headers?: Record<string, string> },
): Promise<ApiResponse<OwnSession>> {
  return new ApiClient(url, null).request('POST', '/api/sessions', {
    body: { email, password },
    headers: { 'x-forwarded-for': anotherAddress(), ...headers },
  });
}

export async function signIn(url: string, user: User, password = PASSWORD): Promise<SignedIn> {
  const answer = await trySignIn(url, { email: user.email, password });
  const session = ok(answer);
  const cookie = cookieOf(answer);
  const api = new ApiClient(url, null, { cookie, 'x-csrf-token': session.csrfToken });
  return { user, password, session, cookie, api };
}

/** Invites a user, sets the password and signs in, as a person does. */
export async function newSignedInUser(
  admin: ApiClient,
  { email, role, projects = {} }: { email: string; role?: string; projects?: Record<string, string> },
): Promise<SignedIn> {
  const invited = await inviteUser(admin, { email, ...(role === undefined ? {} : { role }) });
  ok(
    await new ApiClient(admin.url, null).request('POST', '/api/invitations/accept', {
      body: { token: secretOf(invited), password: PASSWORD },
    }),
  );
  for (const [id, projectRole] of Object.entries(projects))
    ok(await admin.request('PUT', `/api/projects/${id}/members/${invited.user.id}`, { body: { role: projectRole } }));
  return signIn(publicUrlOf(admin), invited.user);
}
