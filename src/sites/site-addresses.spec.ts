import { describe, expect, it } from '@jest/globals';
import type { Settings } from '../config/settings.js';
import { DEFAULT_PROJECT } from '../persistence/types.js';
import { SiteAddresses } from './site-addresses.js';

const ID = '123e4567-e89b-42d3-a456-426614174000';
const local = new SiteAddresses({ publicUrl: 'http://localhost:3000', editorDomain: 'localhost' } as Settings);
const wild = new SiteAddresses({ publicUrl: 'https://devforge.example.org', editorDomain: 'example.org' } as Settings);
const plain = new SiteAddresses({ publicUrl: 'http://192.0.2.7:3000', editorDomain: null } as Settings);

describe('SiteAddresses', () => {
  it('gives each editor a host name with a wildcard domain, and a path without', () => {
    expect(local.editorUrl({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'web' })).toBe('http://web.localhost:3000/');
    expect(wild.editorUrl({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'web' })).toBe('https://web.example.org/');
    expect(plain.editorUrl({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'web' })).toBe(
      `http://192.0.2.7:3000/editor/${ID}/`,
    );
  });

  it.each(['3000--web', 'devforge'])(
    'gives the editor of a container named %s its id as host name, as its name would be ambiguous',
    (name) => {
      expect(wild.editorUrl({ id: ID, projectId: DEFAULT_PROJECT.id, name })).toBe(`https://${ID}.example.org/`);
    },
  );

  it.each(['4000--web.localhost@evil.example', 'web.localhost/x', 'localhost?', 'web .localhost', 'localhost\\x'])(
    'takes the Host header %j for malformed',
    (host) => {
      for (const addresses of [local, plain]) expect(addresses.parse(host, '/')).toBe('malformed');
    },
  );

  it('serves no editor on the origin of DevForge when there is a wildcard domain', () => {
    const path = `/editor/${ID}/a?devforge_ticket=x`;
    const elsewhere = (addresses: SiteAddresses, host: string, url = path): string | null => {
      const address = addresses.parse(host, url);
      return address === null || address === 'malformed' ? null : addresses.elsewhere(address, host);
    };
    expect(elsewhere(wild, 'DevForge.example.org')).toBe(`https://${ID}.example.org/a?devforge_ticket=x`);
    expect(elsewhere(local, 'localhost:3000', `/editor/${ID}`)).toBe(`http://${ID}.localhost:3000/`);
    // No browser is signed in to DevForge at an address, nor where nothing else is possible.
    expect(elsewhere(local, '127.0.0.1:3000')).toBeNull();
    expect(elsewhere(plain, '192.0.2.7:3000')).toBeNull();
    expect(elsewhere(wild, 'web.example.org', '/editor/x')).toBeNull();
  });

  it('gives a port a host name when there is a wildcard domain and the label is short enough', () => {
    expect(local.previewUrl({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'web' }, 5173)).toBe(
      'http://5173--web.localhost:3000/',
    );
    expect(wild.previewUrl({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'w'.repeat(56) }, 65535)).toBe(
      `https://65535--${'w'.repeat(56)}.example.org/`,
    );
    expect(wild.previewUrl({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'w'.repeat(57) }, 65535)).toBeNull();
    expect(plain.previewUrl({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'web' }, 5173)).toBeNull();
  });

  it.each(['web', '3000--web', 'devforge', 'w'.repeat(63)])(
    'gives a container named %s of another project host names with its id, which no name can be',
    (name) => {
      const container = { id: ID, name, projectId: '323e4567-e89b-42d3-a456-426614174000' };
      expect(wild.editorUrl(container)).toBe(`https://${ID}.example.org/`);
      expect(wild.previewUrl(container, 65535)).toBe(`https://65535--${ID}.example.org/`);
      expect(wild.parse(`65535--${ID}.example.org`, '/')).toMatchObject({ container: ID, port: 65535 });
      expect(wild.parse(`${ID}.example.org`, '/')).toMatchObject({ container: ID, port: null });
    },
  );

  it('gives VS Code a template of the preview URLs of all ports', () => {
    expect(local.previewTemplate({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'web' })).toBe(
      'http://{{port}}--web.localhost:3000/',
    );
    expect(wild.previewTemplate({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'w'.repeat(57) })).toBeNull();
    expect(plain.previewTemplate({ id: ID, projectId: DEFAULT_PROJECT.id, name: 'web' })).toBeNull();
  });

  it.each([
    [local, 'web.localhost:3000', '/a?b', { form: 'host', container: 'web', port: null, path: '/a?b' }],
    [local, 'WEB.LOCALHOST', '/', { form: 'host', container: 'web', port: null, path: '/' }],
    [local, 'web.localhost.', '/', { form: 'host', container: 'web', port: null, path: '/' }],
    [local, 'web.localhost.:3000', '/', { form: 'host', container: 'web', port: null, path: '/' }],
    [local, '5173--web.localhost:3000', '/@vite', { form: 'host', container: 'web', port: 5173, path: '/@vite' }],
    [local, '3000--5173--web.localhost', '/', { form: 'host', container: '5173--web', port: 3000, path: '/' }],
    [local, 'web.localhost', `/editor/${ID}/`, { form: 'host', container: 'web', port: null, path: `/editor/${ID}/` }],
    [
      local,
      'localhost:3000',
      `/editor/${ID}/static/x.js?y=1`,
      { form: 'path', container: ID, port: null, path: '/static/x.js?y=1', missingSlash: false },
    ],
    [
      local,
      'localhost:3000',
      `/editor/${ID}?folder=/w`,
      { form: 'path', container: ID, port: null, path: '/?folder=/w', missingSlash: true },
    ],
    [plain, undefined, `/editor/${ID}/`, { form: 'path', container: ID, port: null, path: '/', missingSlash: false }],
  ])('parses the address of a site (case %#)', (addresses, host, url, address) => {
    expect(addresses.parse(host, url)).toEqual(address);
  });

  it.each([
    [local, 'localhost:3000', '/api/containers'],
    [local, 'web.localhost.evil.example', '/'],
    [local, 'evil.example', '/'],
    [local, '.localhost', '/'],
    [local, undefined, '/'],
    [wild, 'devforge.example.org', '/'],
    [wild, 'devforge.example.org.', '/'],
    [local, 'localhost.', '/api/containers'],
    [wild, 'weirdexample.org', '/'],
    [plain, 'web.localhost', '/'],
    [plain, 'web.null', '/'],
  ])('returns null for a request that addresses no site (case %#)', (addresses, host, url) => {
    expect(addresses.parse(host, url)).toBeNull();
  });

  it.each([
    [local, '0--web.localhost', '/'],
    [local, '65536--web.localhost', '/'],
    [local, '080--web.localhost', '/'],
    [local, '99999999999999999999--web.localhost', '/'],
    [local, 'web.localhost', 'http://other.localhost/'],
    [local, 'web.localhost', '*'],
    [plain, 'x', '/editor/'],
    [plain, 'x', '/editor/web/'],
    [plain, 'x', `/editor/${ID}%2f..%2fapi`],
    [plain, 'x', `/editor/${ID}/../${ID.replace('1', '2')}/`],
    [plain, 'x', `/editor/${ID}/a/%2E%2e/b`],
    [plain, 'x', `/editor/${ID}/./b`],
  ])('rejects an invalid address of a site (case %#)', (addresses, host, url) => {
    expect(addresses.parse(host, url)).toBe('malformed');
  });

  it.each(['0x50--web.localhost', '80!evil--web.localhost', '-1--web.localhost'])(
    'parses %s as the name of a container, which does not exist',
    (host) => {
      expect(local.parse(host, '/')).toMatchObject({ port: null });
    },
  );
});
