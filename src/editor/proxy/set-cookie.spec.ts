import { describe, expect, it } from '@jest/globals';
import { hostOnlyCookie } from './set-cookie.js';

describe('hostOnlyCookie', () => {
  it.each([
    ['a=1; Domain=localhost; Path=/', 'a=1; Path=/'],
    ['a=1; Domain =localhost; Path=/', 'a=1; Path=/'],
    ['a=1;\tdomain\t= localhost', 'a=1'],
    ['a=1; Domain=evil.example; Path=/; Domain=localhost', 'a=1; Path=/'],
    ['a=1; Domain', 'a=1'],
    ['a=1; DOMAIN=', 'a=1'],
    ['a=1;Domain=.localhost;Secure', 'a=1;Secure'],
    ['domain=1; Path=/', 'domain=1; Path=/'],
    ['a=Domain=x; HttpOnly', 'a=Domain=x; HttpOnly'],
    ['a=1; Domains=x', 'a=1; Domains=x'],
    ['=a=1; Path=/', '=a=1; Path=/'],
    ['', ''],
  ])('gives of %j no Domain to the browser', (header, expected) => {
    expect(hostOnlyCookie(header)).toBe(expected);
  });

  it.each([
    'devforge_site=x',
    ' devforge_site =x; Path=/',
    '__Host-devforge_site=x',
    '__host-devforge_x=1',
    '=devforge_site=x',
    ' = devforge_site=x',
    '==__Host-devforge_site=x; Path=/',
    'devforge_site',
  ])('drops %j, whose name is one of DevForge', (header) => {
    expect(hostOnlyCookie(header)).toBeNull();
  });
});
