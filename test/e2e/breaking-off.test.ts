import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
/** After so many milliseconds: before the request is read, while it is looked at, while it is answered. */
const MOMENTS = [0, 1, 5, 25, 100];
/** More than is sent: half of the requests break off within their body. */
const PROMISED_BYTES = 60_000;
const BODY = 'x'.repeat(50_000);

describe('clients that break off', () => {
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

  async function breakOff(head: string, body = ''): Promise<void> {
    await Promise.all(
      MOMENTS.map(async (moment) => {
        const socket = connect(Number(new URL(server.devforge.url).port), '127.0.0.1');
        socket.on('error', () => undefined).resume();
        socket.write(`${head}\r\n\r\n${body}`);
        await delay(moment);
        socket.resetAndDestroy();
      }),
    );
  }
  const expectNothing = async (): Promise<void> => {
    await delay(500);
    expect(ok(await server.api.get(container.id)).status).toBe('running');
    expect(server.devforge.log().split('\n').filter((line) => /"level":(?:50|60)/.test(line))).toEqual([]);
  };

  it('leave the server as it was, whatever they asked for', async () => {
    const { paths } = ok(await server.api.request<{ paths: Record<string, object> }>('GET', '/docs/openapi.json'));
    const authorization = `Host: localhost\r\nAuthorization: Bearer ${server.devforge.token}`;
    for (const [route, operations] of Object.entries(paths)) {
      const path = route.replace('{id}', container.id).replace('{port}', '4000').replace(/\{[^}]+\}/g, 'x');
      for (const method of METHODS.filter((each) => each in operations)) {
        // The container is asked for to the end.
        if (/\/(?:stop|restart)$/.test(path) || (method === 'delete' && path.endsWith(container.id))) continue;
        if (method === 'get') await breakOff(`GET ${path}?follow=true&path=/workspace HTTP/1.1\r\n${authorization}`);
        else for (const type of ['application/json', 'application/octet-stream', 'application/x-tar']) await breakOff(`${method.toUpperCase()} ${path}?path=/tmp/broken-off HTTP/1.1\r\n${authorization}\r\nContent-Type: ${type}\r\nContent-Length: ${PROMISED_BYTES}`, BODY);
      }
    }
    await expectNothing();
  }, 120_000);

  it('leave it as it was when they asked for a socket, signed in or not', async () => {
    for (const target of ['/socket.io/?EIO=4&transport=websocket', '/nowhere', `/editor/${container.id}/`]) {
      for (const signedIn of ['', `\r\nAuthorization: Bearer ${server.devforge.token}`]) {
        await breakOff(`GET ${target} HTTP/1.1\r\nHost: localhost${signedIn}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==`);
      }
    }
    await expectNothing();
  }, 60_000);
});
