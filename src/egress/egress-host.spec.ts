import { describe, expect, it } from '@jest/globals';
import { exemptAddresses, parseEgressHost } from './egress-host.js';

describe('parseEgressHost', () => {
  it.each([
    ['example.org', 'example.org'],
    ['Example.ORG.', 'example.org'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['*.Example.org', '*.example.org'],
    ['*.bücher.example', '*.xn--bcher-kva.example'],
    ['registry', 'registry'],
  ])('reads %s', (text, host) => {
    expect(parseEgressHost(text)).toEqual({ host, isAddress: false });
  });

  it.each([
    '',
    '*',
    '*.',
    '*.org',
    '**.example.org',
    'a.*.example.org',
    '*example.org',
    'exam*ple.org',
    'example.org:443',
    'https://example.org',
    'user@example.org',
    'example.org/path',
    'example..org',
    '*.127.0.0.1',
    '::1',
    'a b.example',
    'a\nb.example',
  ])('refuses %j', (text) => {
    expect(parseEgressHost(text)).toEqual({ problem: expect.any(String) });
  });

  it.each([
    '127.0.0.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '127.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '１２７.0.0.1',
  ])('knows that %s is an address, however it is written', (text) => {
    expect(parseEgressHost(text)).toMatchObject({ isAddress: true });
  });
});

describe('exemptAddresses', () => {
  it('has the addresses and networks that are named', () => {
    const exempt = exemptAddresses(['git.example.org', '10.1.2.3', '192.168.0.0/16', 'fd00::/8', '*.internal']);
    expect(['10.1.2.3', '192.168.7.7', '[fd00::1]'].map((host) => exempt.has(host))).toEqual([true, true, true]);
    expect(['10.1.2.4', '127.0.0.1', '[::1]'].map((host) => exempt.has(host))).toEqual([false, false, false]);
  });
});
