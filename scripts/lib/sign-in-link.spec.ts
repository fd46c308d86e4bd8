import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { browserOpener, requestSignInLink } from './sign-in-link.mjs';

describe('the link that signs in to the console', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  async function answering(status: number, body: object): Promise<{ host: string; port: number; asked: string[] }> {
    const asked: string[] = [];
    server = createServer(({ method, url, headers }, response) => {
      asked.push(`${method} ${url} ${headers.authorization}`);
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, asked };
  }

  it('is asked for with the token', async () => {
    const link = { url: 'http://localhost:3000/welcome#s', expiresAt: '2026-01-01T00:15:00.000Z' };
    const { host, port, asked } = await answering(201, link);
    expect(await requestSignInLink({ host, port, token: 't0k' })).toEqual(link);
    expect(asked).toEqual(['POST /api/session-links Bearer t0k']);
  });

  it('is left out where browsers cannot be signed in', async () => {
    const { host, port } = await answering(409, { code: 'sign_in_unavailable' });
    expect(await requestSignInLink({ host, port, token: 't0k' })).toBeUndefined();
  });

  it.each([
    [{ env: { DISPLAY: ':0' } }, 'xdg-open'],
    [{ env: { WAYLAND_DISPLAY: 'wayland-0' } }, 'xdg-open'],
    [{ platform: 'darwin' }, 'open'],
    [{}, undefined],
    [{ env: { DISPLAY: ':0' }, isTerminal: false }, undefined],
    [{ env: { DISPLAY: ':0' }, isRoot: true }, undefined],
    [{ env: { DISPLAY: 'localhost:10', SSH_CONNECTION: 'x' } }, undefined],
    [{ env: { DISPLAY: ':0', CI: 'true' } }, undefined],
  ])('is opened from %j by %s', (here, opener) => {
    expect(browserOpener({ platform: 'linux', env: {}, isTerminal: true, isRoot: false, ...here })).toBe(opener);
  });
});
