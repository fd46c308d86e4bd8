import { describe, expect, it } from '@jest/globals';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Container } from '../api/types.js';
import type { SiteAnswer } from './browser-client.js';
import type { SiteHelpers } from './site-helpers.js';

/** Cases of the suite of sites. The mirror runs in `both`. */
export function siblingCases(
  containers: () => { both: Container; small: Container },
  { browser, signedIn, portOf, editorOf, previewOf }: SiteHelpers,
): void {
  describe('a page on one port that calls another port', () => {
    const page = (): string => previewOf(containers().both, 5173);
    const api = (): string => previewOf(containers().both, 4000);
    const asks = (headers: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({
      Origin: page(),
      Referer: `${page()}/`,
      'Sec-Fetch-Mode': 'cors',
      ...headers,
    });

    it('gets its preflight answered without a cookie, and no other page does', async () => {
      const preflight = (Origin: string, target = api()): Promise<SiteAnswer> =>
        browser().request(`${target}/items`, {
          method: 'OPTIONS',
          headers: { Origin, 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'x-a' },
        });
      expect(await preflight(page())).toMatchObject({
        status: 204,
        headers: {
          'access-control-allow-origin': page(),
          'access-control-allow-credentials': 'true',
          'access-control-allow-methods': 'PUT',
          'access-control-allow-headers': 'x-a',
        },
      });
      for (const origin of [
        'http://evil.example',
        previewOf(containers().small, 5173),
        `http://localhost:${portOf()}`,
        'null',
      ])
        expect({ origin, status: (await preflight(origin)).status }).toEqual({ origin, status: 401 });
      expect((await preflight(page(), editorOf(containers().both))).status).toBe(401);
    });

    it('is let in by the cookie of its own site, with method and body, and may read the answer', async () => {
      const visitor = await signedIn(containers().both, 5173);
      const cookies: Record<string, string> = { [new URL(page()).host]: visitor.cookie! };
      const send = async (target: string, origin: string): Promise<SiteAnswer> => {
        const client = browser();
        client.cookie = cookies[new URL(target).host];
        const headers = asks({ Origin: origin });
        return client.request(target, { method: 'POST', headers, body: '{"a":1}' });
      };
      const asked = await send(`${api()}/items?x=1`, page());
      expect(asked.headers['referrer-policy']).not.toBe('no-referrer');
      expect({ status: asked.status, origin: asked.headers['access-control-allow-origin'] }).toEqual({
        status: 307,
        origin: page(),
      });
      const signIn = await send(asked.headers.location!, 'null');
      expect(signIn.headers['access-control-allow-origin']).toBe('null');
      const answer = await send(signIn.headers.location!, 'null');
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': 'null',
        'access-control-allow-credentials': 'true',
      });
      expect(JSON.parse(answer.body)).toMatchObject({
        url: '/items?x=1',
        method: 'POST',
        body: '{"a":1}',
        headers: { origin: page() },
      });
      const cross = answer.headers['set-cookie']!.find((cookie) => cookie.startsWith('devforge_cross='))!;
      expect(cross).toContain('; SameSite=None; Secure; Partitioned');
      cookies[new URL(api()).host] = cross.split(';')[0]!;
      const again = await send(`${api()}/items`, page());
      expect({ status: again.status, origin: again.headers['access-control-allow-origin'] }).toEqual({
        status: 200,
        origin: page(),
      });
      // The same cookie in the request of any other page.
      for (const origin of ['http://evil.example', previewOf(containers().small, 5173), 'null']) {
        const client = browser();
        client.cookie = cookies[new URL(api()).host];
        const headers = { Origin: origin, Referer: 'http://evil.example/' };
        expect((await client.request(`${api()}/`, { headers })).status).toBe(401);
      }
      expect((await send(signIn.headers.location!, 'null')).status).toBe(200);
      delete cookies[new URL(api()).host];
      expect((await send(signIn.headers.location!, 'null')).status).toBe(401);
    });

    it('is refused what only pages of the container get', async () => {
      const visitor = await signedIn(containers().both, 5173);
      const target = `${page()}/.devforge/sign-in?to=${encodeURIComponent(`${api()}/delete`)}`;
      for (const headers of [
        { Referer: 'http://evil.example/' },
        {},
        { Referer: `${previewOf(containers().small, 5173)}/` },
      ]) {
        const sent = { ...headers, Origin: 'null', 'Sec-Fetch-Mode': 'cors' };
        expect((await visitor.request(target, { method: 'POST', headers: sent })).status).toBe(403);
      }
      for (const to of [
        'http://evil.example/',
        previewOf(containers().small, 4000),
        editorOf(containers().both),
        'javascript:alert(1)',
      ]) {
        const path = `${page()}/.devforge/sign-in?to=${encodeURIComponent(to)}`;
        expect((await visitor.request(path, { headers: { Accept: 'text/html' } })).status).toBe(400);
      }
      expect((await browser().request(`${api()}/`, { headers: { Origin: page() } })).status).toBe(307);
      expect(
        (await visitor.request(`${editorOf(containers().both)}/`, { method: 'POST', headers: asks() })).status,
      ).toBe(401);
      const owner = await signedIn(containers().both);
      expect((await owner.upgrade(`${editorOf(containers().both)}/`, { Origin: page() })).status).toBe(403);
    });
  });
}
