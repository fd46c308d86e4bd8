import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HttpAdapterHost } from '@nestjs/core';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { parseExposition } from '../../../test/support/prometheus/parse.js';
import { readSettings } from '../../config/environment.js';
import { SiteAddresses } from '../../sites/site-addresses.js';
import { HttpMetrics } from './http-metrics.js';

const settings = readSettings({ PUBLIC_URL: 'http://forge.example', EDITOR_DOMAIN: 'sites.example' });
const COUNT = 'devforge_http_request_duration_seconds_count';

let server: Server;
let registry: Registry;
let figures: HttpMetrics;
let handle: (request: IncomingMessage & { route?: unknown }, response: ServerResponse) => void;

beforeEach(async () => {
  handle = (_, response) => void response.writeHead(404).end();
  server = createServer((incoming, response) => handle(incoming, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  registry = new Registry();
  figures = new HttpMetrics(
    { httpAdapter: { getHttpServer: () => server } } as unknown as HttpAdapterHost,
    new SiteAddresses(settings),
    registry,
  );
  figures.onApplicationBootstrap();
});

afterEach(async () => {
  figures.onApplicationShutdown();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<void> {
  return new Promise((resolve) => {
    const sent = request(
      { method, path, port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false, headers },
      (response) => response.resume(),
    );
    sent
      .on('close', resolve)
      .on('error', () => undefined)
      .end();
  });
}

async function counted(): Promise<[string, number][]> {
  return parseExposition(await registry.metrics())
    .find(COUNT)
    .map(({ labels: { method, route, status }, value }) => [`${method} ${route} ${status}`, value]);
}

describe('HTTP figures', () => {
  it('are by the template of the route and the class of the status', async () => {
    handle = (incoming, response) => {
      incoming.route = { path: '/api/containers/:id' };
      response.writeHead(incoming.url?.endsWith('a') === true ? 200 : 409).end();
    };
    for (const id of ['a', 'ba', 'c']) await ask('GET', `/api/containers/${id}`);
    await ask('DELETE', '/api/containers/a');
    expect(await counted()).toEqual([
      ['GET /api/containers/:id 2xx', 2],
      ['GET /api/containers/:id 4xx', 1],
      ['DELETE /api/containers/:id 2xx', 1],
    ]);
  });

  it('have one label for all paths that lead nowhere, and for all that only a wildcard takes', async () => {
    for (let at = 0; at < 20; at++) await ask('GET', `/${at}/${at}?x=${at}`);
    handle = (incoming, response) => {
      incoming.route = { path: '{/*splat}' };
      response.writeHead(404).end();
    };
    await ask('GET', '/more');
    expect(await counted()).toEqual([['GET unmatched 4xx', 21]]);
  });

  it('have one for the sites of containers, whatever is asked of them, and one for the documentation', async () => {
    for (const path of ['/editor/x/a', '/editor/y/b', '/docs/errors']) await ask('GET', path);
    for (const path of ['/api/containers', '/socket.io/x', '/docs/x'])
      await ask('GET', path, { host: '3000--x.sites.example' });
    expect(await counted()).toEqual([
      ['GET site 4xx', 5],
      ['GET /docs/* 4xx', 1],
    ]);
  });

  it('have one for methods that nobody uses', async () => {
    for (const method of ['PROPFIND', 'TRACE', 'MKCOL']) await ask(method, '/');
    expect(await counted()).toEqual([['other unmatched 4xx', 3]]);
  });

  it('leave out the transport of sockets', async () => {
    await ask('GET', '/socket.io/?EIO=4&transport=polling');
    expect(await counted()).toEqual([]);
  });

  it('tell requests that were never answered', async () => {
    handle = (incoming) => incoming.socket.destroy();
    await ask('GET', '/');
    expect(await counted()).toEqual([['GET unmatched aborted', 1]]);
  });

  it('include how long it took', async () => {
    handle = (_, response) => void setTimeout(() => response.end(), 30);
    await ask('GET', '/');
    const [sum] = parseExposition(await registry.metrics()).find('devforge_http_request_duration_seconds_sum');
    expect(sum!.value).toBeGreaterThanOrEqual(0.025);
    expect(sum!.value).toBeLessThan(5);
  });

  it('are those of its own server', async () => {
    const other = createServer((_, response) => void response.end()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    expect(await counted()).toEqual([]);
  });

  it('end with the application', async () => {
    figures.onApplicationShutdown();
    await ask('GET', '/');
    expect(await counted()).toEqual([]);
  });
});
