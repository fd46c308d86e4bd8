import { describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { HeldClock } from '../../test/support/held-clock.js';
import type { AdminToken } from '../auth/admin-token.js';
import { EditorCookie, withoutOwnCookies } from './editor-cookie.js';

const HOUR_MS = 3_600_000;
const ID = '123e4567-e89b-42d3-a456-426614174000';
const OTHER = '223e4567-e89b-42d3-a456-426614174000';

const tokenOf = (secret: string): AdminToken => ({ deriveKey: (purpose: string) => createHmac('sha256', secret).update(purpose).digest() }) as AdminToken;
const pair = (issued: string): string => issued.split(';')[0] ?? '';

describe('EditorCookie', () => {
  const clock = new HeldClock();
  const cookie = new EditorCookie(clock, tokenOf('a'));

  it('opens the editor it was issued for, and no other', () => {
    const header = pair(cookie.issue(ID, false));
    expect(cookie.opens(header, ID)).toBe(true);
    expect(cookie.opens(header, OTHER)).toBe(false);
  });

  it('is out of reach of scripts and of other paths, and of plain HTTP where there is TLS', () => {
    expect(cookie.issue(ID, false).split('; ').slice(1)).toEqual([`Path=/editor/${ID}/`, 'Max-Age=43200', 'HttpOnly', 'SameSite=Lax']);
    expect(cookie.issue(ID, true).split('; ')).toContain('Secure');
  });

  it('is found among others', () => {
    const header = pair(cookie.issue(ID, false));
    expect(cookie.opens(`a=b; ${header}; c=d`, ID)).toBe(true);
    expect(cookie.opens(`devforge_editor=old.value;${header}`, ID)).toBe(true);
    expect(cookie.opens(`x${header}`, ID)).toBe(false);
  });

  it('ends after twelve hours', async () => {
    const own = new HeldClock();
    const other = new EditorCookie(own, tokenOf('a'));
    const header = pair(other.issue(ID, false));
    await own.advance(12 * HOUR_MS - 1_000);
    expect(other.opens(header, ID)).toBe(true);
    await own.advance(1_001);
    expect(other.opens(header, ID)).toBe(false);
  });

  it('cannot be made longer, or up', () => {
    const [name, value = ''] = pair(cookie.issue(ID, false)).split('=');
    const [expires = '', signature = ''] = value.split('.');
    const forged = [`${Number(expires) + 1}.${signature}`, `${expires}.`, `${expires}`, `.${signature}`, '', '.', `${expires}.${signature}x`, `${expires}.${signature.slice(1)}`, `NaN.${signature}`, `${expires}.${signature.toUpperCase()}`];
    for (const each of forged) expect(cookie.opens(`${name}=${each}`, ID)).toBe(false);
    expect(cookie.opens(undefined, ID)).toBe(false);
    expect(cookie.opens('', ID)).toBe(false);
  });

  it('is void under another token', () => {
    expect(new EditorCookie(clock, tokenOf('b')).opens(pair(cookie.issue(ID, false)), ID)).toBe(false);
  });

  it('stays with DevForge', () => {
    expect(withoutOwnCookies('a=b; devforge_editor=x.y; vscode=1=2')).toBe('a=b; vscode=1=2');
    expect(withoutOwnCookies('devforge_editor=x.y')).toBeUndefined();
    expect(withoutOwnCookies('devforge_other=x')).toBeUndefined();
    expect(withoutOwnCookies(undefined)).toBeUndefined();
  });
});
