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
const PLAIN = { path: '/', secure: false };

const tokenOf = (secret: string): AdminToken =>
  ({ deriveKey: (purpose: string) => createHmac('sha256', secret).update(purpose).digest() }) as AdminToken;
const pair = (issued: string): string => issued.split(';')[0] ?? '';

describe('SiteCookie', () => {
  const clock = new FakeClock();
  const cookie = new SiteCookie(clock, tokenOf('a'));

  it('opens the site it was issued for, and no other', () => {
    const header = pair(cookie.issue(ID, PLAIN));
    expect(cookie.opens(header, ID)).toBe(true);
    expect(cookie.opens(header, OTHER)).toBe(false);
    expect(cookie.opens(header, PORT_OF_ID)).toBe(false);
    expect(cookie.opens(pair(cookie.issue(PORT_OF_ID, PLAIN)), PORT_OF_ID)).toBe(true);
    expect(cookie.opens(pair(cookie.issue(PORT_OF_ID, PLAIN)), { ...ID, port: 5174 })).toBe(false);
    expect(cookie.opens(pair(cookie.issue(PORT_OF_ID, PLAIN)), ID)).toBe(false);
  });

  it('is out of reach of scripts and of other paths, and of plain HTTP where there is TLS', () => {
    expect(cookie.issue(ID, { path: '/editor/x/', secure: false }).split('; ').slice(1)).toEqual([
      'Path=/editor/x/',
      'Max-Age=43200',
      'HttpOnly',
      'SameSite=Lax',
    ]);
    expect(cookie.issue(ID, { path: '/editor/x/', secure: true }).split('; ')).toContain('Secure');
  });

  it('cannot be planted by a neighbour where there is TLS', () => {
    const issued = cookie.issue(ID, { path: '/', secure: true });
    expect(issued).toMatch(/^__Host-devforge_site=/);
    expect(cookie.opens(pair(issued), ID)).toBe(true);
  });

  it('is found among others', () => {
    const header = pair(cookie.issue(ID, PLAIN));
    expect(cookie.opens(`a=b; ${header}; c=d`, ID)).toBe(true);
    expect(cookie.opens(`devforge_site=old.value;${header}`, ID)).toBe(true);
    expect(cookie.opens(`x${header}`, ID)).toBe(false);
  });

  it('ends after twelve hours', async () => {
    const own = new FakeClock();
    const other = new SiteCookie(own, tokenOf('a'));
    const header = pair(other.issue(ID, PLAIN));
    await own.advance(12 * HOUR_MS - 1_000);
    expect(other.opens(header, ID)).toBe(true);
    await own.advance(1_001);
    expect(other.opens(header, ID)).toBe(false);
  });

  it('cannot be made longer, or up', () => {
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
    for (const each of forged) expect(cookie.opens(`${name}=${each}`, ID)).toBe(false);
    expect(cookie.opens(undefined, ID)).toBe(false);
    expect(cookie.opens('', ID)).toBe(false);
  });

  it('is void under another token', () => {
    expect(new SiteCookie(clock, tokenOf('b')).opens(pair(cookie.issue(ID, PLAIN)), ID)).toBe(false);
  });

  it('stays with DevForge', () => {
    expect(withoutOwnCookies('a=b; devforge_site=x.y; __Host-devforge_site=x.y; vscode=1=2')).toBe('a=b; vscode=1=2');
    expect(withoutOwnCookies('devforge_site=x.y')).toBeUndefined();
    expect(withoutOwnCookies('devforge_other=x')).toBeUndefined();
    expect(withoutOwnCookies(undefined)).toBeUndefined();
  });
});
