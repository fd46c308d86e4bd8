import { beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import type { Settings } from '../../config/settings.js';
import type { AdminToken } from '../admin-token.js';
import { OidcFlowCookie } from './oidc-flow-cookie.js';

const FLOW = { state: 'the-state', nonce: 'the-nonce', codeVerifier: 'the-verifier', returnTo: '/sign-in' };
const TEN_MINUTES_MS = 600_000;

let clock: FakeClock;

function make({ token = 'token', publicUrl = 'https://devforge.example.org' } = {}): OidcFlowCookie {
  const admin = {
    deriveKey: (purpose: string) =>
      createHash('sha256')
        .update(token + purpose)
        .digest(),
  };
  return new OidcFlowCookie(admin as unknown as AdminToken, { publicUrl } as Settings, clock);
}
const pairOf = (setCookie: string): string => setCookie.split(';')[0]!;

beforeEach(() => {
  clock = new FakeClock();
});

describe('OidcFlowCookie', () => {
  it('gives back what a browser has to bring, at every replica, and shows nothing of it', async () => {
    const issued = await make().issue(FLOW);
    expect(issued).toMatch(/^__Host-devforge_oidc=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    for (const value of Object.values(FLOW)) expect(issued).not.toContain(value);
    await expect(make().read(`x=y; ${pairOf(issued)}`, FLOW.state)).resolves.toMatchObject(FLOW);
  });

  it('is only for the state that the provider sends back', async () => {
    const cookie = pairOf(await make().issue(FLOW));
    for (const state of ['', 'another']) await expect(make().read(cookie, state)).resolves.toBeNull();
    const other = pairOf(await make().issue({ ...FLOW, state: 'another' }));
    await expect(make().read(`${other}; ${cookie}`, FLOW.state)).resolves.toMatchObject(FLOW);
  });

  it('is worth nothing after ten minutes', async () => {
    const cookie = pairOf(await make().issue(FLOW));
    await clock.advance(TEN_MINUTES_MS - 1_000);
    await expect(make().read(cookie, FLOW.state)).resolves.not.toBeNull();
    await clock.advance(1_000);
    await expect(make().read(cookie, FLOW.state)).resolves.toBeNull();
  });

  it.each([
    ['of another server', async () => make({ token: 'another' }).issue(FLOW)],
    ['that anybody can write', async () => `__Host-devforge_oidc=${JSON.stringify(FLOW)}`],
    ['without the prefix of its host', async () => (await make().issue(FLOW)).replace('__Host-', '')],
    ['that was changed', async () => pairOf(await make().issue(FLOW)).slice(0, -2)],
  ])('takes none %s', async (_, issue) => {
    await expect(make().read(pairOf(await issue()), FLOW.state)).resolves.toBeNull();
  });
});
