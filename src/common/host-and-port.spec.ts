import { describe, expect, it } from '@jest/globals';
import { parseHostAndPort } from './host-and-port.js';

describe('parseHostAndPort', () => {
  it.each([
    ['example.org', 'example.org', null],
    ['Git.Example.ORG.', 'git.example.org', null],
    ['example.org:8443', 'example.org', 8443],
    ['bücher.example', 'xn--bcher-kva.example', null],
    ['build_host', 'build_host', null],
    ['127.0.0.1:3000', '127.0.0.1', 3000],
    ['0x7f.1', '127.0.0.1', null],
    ['[::1]:22', '[::1]', 22],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', null],
  ])('reads %s', (text, host, port) => {
    expect(parseHostAndPort(text)).toEqual({ host, port });
  });

  it.each([
    '',
    ' ',
    'a b',
    '.example.org',
    'a..b',
    '-a.example',
    '*.example.org',
    'https://example.org',
    'user@example.org',
    'example.org/path',
    'example.org?x',
    'example.org:0',
    'example.org:65536',
    'example.org:',
    'example.org:port',
    '::1',
    '[::1',
    'a\\b',
    'a%00b',
    'a\nb',
    '999.1.1.1',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(130)}example`,
  ])('refuses %j', (text) => {
    expect(parseHostAndPort(text)).toBeNull();
  });
});
