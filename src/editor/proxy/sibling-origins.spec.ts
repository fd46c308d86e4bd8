import { describe, expect, it } from '@jest/globals';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Settings } from '../../config/settings.js';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';
import { SiblingOrigins } from './sibling-origins.js';

const HOST = '8000--web.localhost:3000';

describe('SiblingOrigins', () => {
  const addresses = new SiteAddresses({ publicUrl: 'http://localhost:3000', editorDomain: 'localhost' } as Settings);
  const origins = new SiblingOrigins(addresses);
  const requester = (headers: IncomingHttpHeaders, host = HOST): { kind: string; origin: string | null } =>
    origins.requester({ headers: { host, ...headers } } as IncomingMessage, addresses.parse(host, '/') as SiteAddress);

  it.each(['http://5173--web.localhost:3000', 'http://web.localhost:3000'])(
    'recognises %s as a page of the same container',
    (origin) => {
      expect(requester({ origin })).toEqual({ kind: 'sibling', origin });
      expect(requester({ referer: `${origin}/deep?x=1` })).toEqual({ kind: 'sibling', origin });
    },
  );

  it('recognises the site itself', () => {
    expect(requester({ origin: `http://${HOST}` }).kind).toBe('own');
    expect(requester({ referer: `http://${HOST}/x` }).kind).toBe('own');
  });

  it.each([
    'http://evil.example',
    'http://5173--other.localhost:3000',
    'http://5173--web.localhost:3001',
    'http://5173--web.localhost',
    'https://5173--web.localhost:3000',
    'http://web.localhost.evil.example:3000',
    'http://localhost:3000',
    'http://a.web.localhost:3000',
    'not a URL',
    'null',
  ])('recognises %s as foreign', (origin) => {
    expect(requester({ origin }).kind).toBe('foreign');
  });

  it('believes the referrer of a request whose origin was lost by a redirect, and no other', () => {
    const referer = 'http://5173--web.localhost:3000/';
    expect(requester({ origin: 'null', referer })).toEqual({
      kind: 'sibling',
      origin: 'http://5173--web.localhost:3000',
    });
    expect(requester({ origin: 'null', referer: 'http://evil.example/' }).kind).toBe('foreign');
    expect(requester({ origin: 'http://evil.example', referer }).kind).toBe('foreign');
  });

  it('knows nothing of a request that says nothing', () => {
    expect(requester({})).toEqual({ kind: 'unknown', origin: null });
  });

  it('has no siblings where editors share one origin', () => {
    const id = '123e4567-e89b-42d3-a456-426614174000';
    const address = addresses.parse('localhost:3000', `/editor/${id}/`) as SiteAddress;
    const headers = { host: 'localhost:3000', origin: `http://${id}.localhost:3000` };
    expect(origins.requester({ headers } as IncomingMessage, address).kind).toBe('foreign');
  });
});
