import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import type { Settings } from '../../config/settings.js';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';
import { askAsLocalhost, redirectToSite } from './localhost-mode.js';

const settings = { publicUrl: 'https://forge.example.org', editorDomain: 'dev.example.org' } as Settings;

describe('asking as localhost', () => {
  const addresses = new SiteAddresses(settings);
  const host = '8000--web.dev.example.org';
  const asked = (headers: Record<string, string>): unknown => {
    const request = { headers: { host, ...headers } } as unknown as IncomingMessage;
    askAsLocalhost(request, addresses.parse(host, '/') as SiteAddress, addresses);
    return request.headers;
  };

  it('changes Host, Origin and Referer to the names inside the container', () => {
    expect(
      asked({
        origin: 'https://8000--web.dev.example.org',
        referer: 'https://8000--web.dev.example.org/admin/?next=/',
        'x-forwarded-host': host,
      }),
    ).toEqual({
      host: 'localhost:8000',
      origin: 'http://localhost:8000',
      referer: 'http://localhost:8000/admin/?next=/',
    });
    expect(asked({ origin: 'https://5173--web.dev.example.org' })).toMatchObject({ origin: 'http://localhost:5173' });
  });

  it('leaves the origins of others as they are', () => {
    for (const origin of ['https://evil.example', 'https://8000--other.dev.example.org', 'null'])
      expect(asked({ origin })).toMatchObject({ origin });
  });

  it('leads redirects to localhost back to the site', () => {
    const location = (value: string): string[] => redirectToSite(['Location', value, 'X-Own', value], 8000);
    expect(location('http://localhost:8000/login?x=1')).toEqual([
      'Location',
      '/login?x=1',
      'X-Own',
      'http://localhost:8000/login?x=1',
    ]);
    expect(location('https://localhost:8000')[1]).toBe('/');
    for (const other of ['/relative', 'http://localhost:80001/', 'http://localhost:9000/', 'https://sso.example/'])
      expect(location(other)[1]).toBe(other);
  });
});
