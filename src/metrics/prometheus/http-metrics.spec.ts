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
let metrics: HttpMetrics;
let handle: (request: IncomingMessage & { route?: unknown }, response: ServerResponse) => void;

beforeEach(async () => {
  handle = (_, response) => void response.writeHead(404).end();
  server = createServer((incoming, response) => handle(incoming, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  registry = new Registry();
  metrics = new HttpMetrics(
    { httpAdapter: { getHttpServer: () => server } } as unknown as HttpAdapterHost,
    new SiteAddresses(settings),
    registry,
  );
  metrics.onApplicationBootstrap();
});

afterEach(async () => {
  metrics.onApplicationShutdown();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function send(method: string, path: string, headers: Record<string, string> = {}): Promise<void> {
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

describe('the metrics of HTTP requests', () => {
  it('are grouped by route template and class of status', async () => {
    handle = (incoming, response) => {
      incoming.route = { path: '/api/containers/:id' };
      response.writeHead(incoming.url?.endsWith('a') === true ? 200 : 409).end();
    };
    for (const id of ['a', 'ba', 'c']) await send('GET', `/api/containers/${id}`);
    await send('DELETE', '/api/containers/a');
    expect(await counted()).toEqual([
      ['GET /api/containers/:id 2xx', 2],
      ['GET /api/containers/:id 4xx', 1],
      ['DELETE /api/containers/:id 2xx', 1],
    ]);
  });

  it('have one label for all unknown paths and for those that only a wildcard matches', async () => {
    for (let at = 0; at < 20; at++) await send('GET', `/${at}/${at}?x=${at}`);
    handle = (incoming, response) => {
      incoming.route = { path: '{/*splat}' };
      response.writeHead(404).end();
    };
    await send('GET', '/more');
    expect(await counted()).toEqual([['GET unmatched 4xx', 21]]);
  });

  it('have one label for the sites of containers and one for the documentation', async () => {
    for (const path of ['/editor/x/a', '/editor/y/b', '/docs/errors']) await send('GET', path);
    for (const path of ['/api/containers', '/socket.io/x', '/docs/x'])
      await send('GET', path, { host: '3000--x.sites.example' });
    expect(await counted()).toEqual([
      ['GET site 4xx', 5],
      ['GET /docs/* 4xx', 1],
    ]);
  });

  it('have one label for unusual methods', async () => {
    for (const method of ['PROPFIND', 'TRACE', 'MKCOL']) await send(method, '/');
    expect(await counted()).toEqual([['other unmatched 4xx', 3]]);
  });

  it('leave out the requests of Socket.io', async () => {
    await send('GET', '/socket.io/?EIO=4&transport=polling');
    expect(await counted()).toEqual([]);
  });

  it('count unanswered requests as aborted', async () => {
    handle = (incoming) => incoming.socket.destroy();
    await send('GET', '/');
    expect(await counted()).toEqual([['GET unmatched aborted', 1]]);
  });

  it('include the duration', async () => {
    handle = (_, response) => void setTimeout(() => response.end(), 30);
    await send('GET', '/');
    const [sum] = parseExposition(await registry.metrics()).find('devforge_http_request_duration_seconds_sum');
    expect(sum!.value).toBeGreaterThanOrEqual(0.025);
    expect(sum!.value).toBeLessThan(5);
  });

  it('leave out requests to other servers of the process', async () => {
    const other = createServer((_, response) => void response.end()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    expect(await counted()).toEqual([]);
  });

  it('stop when the application shuts down', async () => {
    metrics.onApplicationShutdown();
    await send('GET', '/');
    expect(await counted()).toEqual([]);
  });
});
