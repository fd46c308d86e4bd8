import { describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import type { AdminToken } from '../../auth/admin-token.js';
import type { Site } from '../proxy/site.js';
import { SiteCookie, withoutOwnCookies } from './site-cookie.js';

const HOUR_MS = 3_600_000;
const ID: Site = { containerId: '123e4567-e89b-42d3-a456-426614174000', port: null };
const PORT_OF_ID: Site = { ...ID, port: 5173 };
const OTHER: Site = { containerId: '223e4567-e89b-42d3-a456-426614174000', port: null };
const credential = { kind: 'admin_token' } as const;
const PLAIN = { path: '/', secure: false, credential };

const tokenOf = (secret: string): AdminToken =>
  ({ deriveKey: (purpose: string) => createHmac('sha256', secret).update(purpose).digest() }) as AdminToken;
const pair = (issued: string): string => issued.split(';')[0] ?? '';

describe('SiteCookie', () => {
  const clock = new FakeClock();
  const cookie = new SiteCookie(clock, tokenOf('a'));

  it('is valid for the site it was issued for and no other', () => {
    const header = pair(cookie.issue(ID, PLAIN));
    expect(cookie.isValidFor(header, ID)).toBe(true);
    expect(cookie.isValidFor(header, OTHER)).toBe(false);
    expect(cookie.isValidFor(header, PORT_OF_ID)).toBe(false);
    expect(cookie.isValidFor(pair(cookie.issue(PORT_OF_ID, PLAIN)), PORT_OF_ID)).toBe(true);
    expect(cookie.isValidFor(pair(cookie.issue(PORT_OF_ID, PLAIN)), { ...ID, port: 5174 })).toBe(false);
    expect(cookie.isValidFor(pair(cookie.issue(PORT_OF_ID, PLAIN)), ID)).toBe(false);
  });

  it('is HttpOnly, limited to its path, and Secure when TLS is used', () => {
    expect(cookie.issue(ID, { path: '/editor/x/', secure: false, credential }).split('; ').slice(1)).toEqual([
      'Path=/editor/x/',
      'Max-Age=43200',
      'HttpOnly',
      'SameSite=Lax',
    ]);
    expect(cookie.issue(ID, { path: '/editor/x/', secure: true, credential }).split('; ')).toContain('Secure');
  });

  it('has the __Host- prefix when TLS is used', () => {
    const issued = cookie.issue(ID, { path: '/', secure: true, credential });
    expect(issued).toMatch(/^__Host-devforge_site=/);
    expect(cookie.isValidFor(pair(issued), ID)).toBe(true);
  });

  it('is found among other cookies', () => {
    const header = pair(cookie.issue(ID, PLAIN));
    expect(cookie.isValidFor(`a=b; ${header}; c=d`, ID)).toBe(true);
    expect(cookie.isValidFor(`devforge_site=old.value;${header}`, ID)).toBe(true);
    expect(cookie.isValidFor(`x${header}`, ID)).toBe(false);
  });

  it('expires after twelve hours', async () => {
    const own = new FakeClock();
    const other = new SiteCookie(own, tokenOf('a'));
    const header = pair(other.issue(ID, PLAIN));
    await own.advance(12 * HOUR_MS - 1_000);
    expect(other.isValidFor(header, ID)).toBe(true);
    await own.advance(1_001);
    expect(other.isValidFor(header, ID)).toBe(false);
  });

  it('cannot be forged or extended', () => {
    const [name, value = ''] = pair(cookie.issue(ID, PLAIN)).split('=');
    const [expires = '', signature = ''] = value.split('.');
    const forged = [
      `${Number(expires) + 1}.${signature}`,
      `${expires}.`,
      `${expires}`,
      `.${signature}`,
      '',
      '.',
      `${expires}.${signature}x`,
      `${expires}.${signature.slice(1)}`,
      `NaN.${signature}`,
      `${expires}.${signature.toUpperCase()}`,
    ];
    for (const each of forged) expect(cookie.isValidFor(`${name}=${each}`, ID)).toBe(false);
    expect(cookie.isValidFor(undefined, ID)).toBe(false);
    expect(cookie.isValidFor('', ID)).toBe(false);
  });

  it('is invalid under another administrator token', () => {
    expect(new SiteCookie(clock, tokenOf('b')).isValidFor(pair(cookie.issue(ID, PLAIN)), ID)).toBe(false);
  });

  it('says how the program is asked, which cannot be changed', () => {
    const header = pair(cookie.issue(PORT_OF_ID, { ...PLAIN, asLocalhost: true }));
    expect(cookie.read(header, PORT_OF_ID)).toEqual({ asLocalhost: true, credential });
    expect(cookie.read(header.replace(/\.localhost$/, ''), PORT_OF_ID)).toBeNull();
    const plain = pair(cookie.issue(PORT_OF_ID, PLAIN));
    expect(cookie.read(plain, PORT_OF_ID)).toEqual({ asLocalhost: false, credential });
    expect(cookie.read(`${plain}.localhost`, PORT_OF_ID)).toBeNull();
  });

  it.each([false, true])(
    'says which key it was asked for with, which cannot be changed (as localhost: %s)',
    (asLocalhost) => {
      const key = { kind: 'api_key', id: 'k1' } as const;
      const header = pair(cookie.issue(PORT_OF_ID, { ...PLAIN, credential: key, asLocalhost }));
      expect(cookie.read(header, PORT_OF_ID)).toEqual({ asLocalhost, credential: key });
      for (const forged of [/\.k1$/, /\.[a-z]*\.k1$/])
        expect(cookie.read(header.replace(forged, ''), PORT_OF_ID)).toBeNull();
      expect(cookie.read(header.replace(/\.k1$/, '.k2'), PORT_OF_ID)).toBeNull();
      const plain = pair(cookie.issue(PORT_OF_ID, { ...PLAIN, asLocalhost }));
      for (const suffix of ['.k1', '..k1', '.localhost.k1'])
        expect(cookie.read(`${plain}${suffix}`, PORT_OF_ID)).toBeNull();
    },
  );

  it('tells the session that it was asked for with from a key', () => {
    const session = { kind: 'session', id: 'k1' } as const;
    const header = pair(cookie.issue(PORT_OF_ID, { ...PLAIN, credential: session }));
    expect(cookie.read(header, PORT_OF_ID)).toEqual({ asLocalhost: false, credential: session });
    for (const forged of ['', '..k1', '..session-k2'])
      expect(cookie.read(header.replace('..session-k1', forged), PORT_OF_ID)).toBeNull();
  });

  describe('for pages of sibling sites', () => {
    const cross = (options: { secure: boolean; trustworthy: boolean; partitioned: boolean }): string =>
      cookie.issueCross(PORT_OF_ID, { ...options, credential });

    it('is sent to other sites where browsers allow that', () => {
      const local = cross({ secure: false, trustworthy: true, partitioned: true });
      expect(local).toMatch(/^devforge_cross=.*; HttpOnly; SameSite=None; Secure; Partitioned$/);
      expect(cross({ secure: true, trustworthy: true, partitioned: false })).toMatch(
        /^__Host-devforge_cross=.*; Path=\/; .*; SameSite=None; Secure$/,
      );
      expect(cross({ secure: false, trustworthy: false, partitioned: true })).toMatch(/; SameSite=Lax$/);
    });

    it('is not valid as the cookie of the site, nor the other way round', () => {
      const header = pair(cross({ secure: false, trustworthy: true, partitioned: false }));
      expect(cookie.read(header, PORT_OF_ID, 'cross')).toEqual({ asLocalhost: false, credential });
      expect(cookie.read(header, PORT_OF_ID)).toBeNull();
      expect(cookie.isValidFor(header.replace('_cross', '_site'), PORT_OF_ID)).toBe(false);
      const own = pair(cookie.issue(PORT_OF_ID, PLAIN)).replace('_site', '_cross');
      expect(cookie.read(own, PORT_OF_ID, 'cross')).toBeNull();
    });
  });

  it('is removed from the headers that go to a site', () => {
    expect(withoutOwnCookies('a=b; devforge_site=x.y; __Host-devforge_site=x.y; vscode=1=2')).toBe('a=b; vscode=1=2');
    expect(withoutOwnCookies('devforge_site=x.y')).toBeUndefined();
    expect(withoutOwnCookies('devforge_other=x')).toBeUndefined();
    expect(withoutOwnCookies(undefined)).toBeUndefined();
  });
});
