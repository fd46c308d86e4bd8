import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { disconnectEarly } from '../support/api/disconnect-early.js';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { WEBSOCKET } from '../support/editor/browser-client.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
/** More than is sent: the requests break off within their body. */
const PROMISED_BYTES = 60_000;
const BODY = 'x'.repeat(50_000);

describe('clients that disconnect during a request', () => {
  let server: TestServer;
  let container: Container;

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    const { id } = ok(await server.api.create({ name: uniqueName(), template: 'claude' }));
    container = await server.api.waitForStatus(id, 'running', 120_000);
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
  }, 60_000);

  const url = (): string => server.devforge.url;
  const signedIn = (): Record<string, string> => ({
    Host: 'localhost',
    Authorization: `Bearer ${server.devforge.token}`,
  });
  const expectNothing = async (): Promise<void> => {
    // Nothing marks the end of what the server does about a broken connection.
    await delay(500);
    expect(ok(await server.api.get(container.id)).status).toBe('running');
    expect(
      server.devforge
        .log()
        .split('\n')
        .filter((line) => /"level":(?:50|60)/.test(line)),
    ).toEqual([]);
  };

  it('do not affect the server, whatever they requested', async () => {
    const { paths } = ok(await server.api.request<{ paths: Record<string, object> }>('GET', '/docs/openapi.json'));
    for (const [route, operations] of Object.entries(paths)) {
      const path = route
        .replace('{id}', container.id)
        .replace('{port}', '4000')
        .replace(/\{[^}]+\}/g, 'x');
      for (const method of METHODS.filter((each) => each in operations)) {
        // The container is asked for to the end.
        if (/\/(?:stop|restart|rebuild)$/.test(path) || (method === 'delete' && path.endsWith(container.id))) continue;
        if (method === 'get')
          await disconnectEarly(url(), { target: `${path}?follow=true&path=/workspace`, headers: signedIn() });
        else {
          for (const type of ['application/json', 'application/octet-stream', 'application/x-tar']) {
            const headers = { ...signedIn(), 'Content-Type': type, 'Content-Length': String(PROMISED_BYTES) };
            await disconnectEarly(url(), {
              method: method.toUpperCase(),
              target: `${path}?path=/tmp/broken-off`,
              headers,
              body: BODY,
            });
          }
        }
      }
    }
    await expectNothing();
  }, 120_000);

  it('do not affect the server when they requested an upgrade, signed in or not', async () => {
    for (const target of ['/socket.io/?EIO=4&transport=websocket', '/nowhere', `/editor/${container.id}/`]) {
      for (const headers of [{ Host: 'localhost' }, signedIn()])
        await disconnectEarly(url(), { target, headers: { ...headers, ...WEBSOCKET } });
    }
    await expectNothing();
  }, 60_000);
});
