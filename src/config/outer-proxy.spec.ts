import { describe, expect, it } from '@jest/globals';
import { outerProxy } from './outer-proxy.js';

describe('outerProxy', () => {
  it('reads what curl reads, small letters first', () => {
    const variables = {
      HTTPS_PROXY: 'http://a.example:3128',
      https_proxy: 'b.example:8080',
      NO_PROXY: 'X.example, 10.0.0.0/8',
    };
    expect(outerProxy(variables)).toEqual({
      https: 'http://b.example:8080/',
      http: null,
      direct: ['x.example', '10.0.0.0/8'],
    });
    expect(outerProxy({ HTTP_PROXY: 'http://u:p@a.example:3128' })?.http).toBe('http://u:p@a.example:3128/');
  });

  it.each([
    '',
    'socks5://a.example:1080',
    'https://a.example',
    'http://127.0.0.1:3128',
    'localhost:3128',
    'http://[::1]:1',
    '::',
  ])('does without %j, which the gateway cannot use', (HTTPS_PROXY) => {
    expect(outerProxy({ HTTPS_PROXY })).toBeNull();
  });
});
