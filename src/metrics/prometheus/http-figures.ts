import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Histogram, Registry } from 'prom-client';
import { DURATION_BUCKETS } from './figures.js';

/** What is answered below these is no route of the API, and its paths are many. */
const PREFIXES: [prefix: string, route: string][] = [
  ['/editor/', '/editor/*'],
  ['/docs/', '/docs/*'],
];
/** Sockets have figures of their own. */
const SOCKETS = '/socket.io/';
/** Anybody may ask for any path: all that leads nowhere is one. */
const UNMATCHED = 'unmatched';
const COMMON_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Requests by the template of their route, never by their path. */
@Injectable()
export class HttpFigures implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly durations: Histogram<'method' | 'route' | 'status'>;
  private readonly listen = (request: IncomingMessage, response: ServerResponse): void => this.observe(request, response);

  constructor(
    private readonly adapter: HttpAdapterHost,
    registry: Registry,
  ) {
    this.durations = new Histogram({
      name: 'devforge_http_request_duration_seconds',
      help: 'HTTP requests, until the answer is out, by route template and class of status',
      labelNames: ['method', 'route', 'status'],
      buckets: DURATION_BUCKETS,
      registers: [registry],
    });
  }

  /** On the server itself: what the framework refuses before any route is reached counts as well. */
  onApplicationBootstrap(): void {
    this.server().prependListener('request', this.listen);
  }

  onApplicationShutdown(): void {
    this.server().off('request', this.listen);
  }

  private server(): Server {
    return this.adapter.httpAdapter.getHttpServer() as Server;
  }

  private observe(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '/' } = request;
    if (url.startsWith(SOCKETS)) return;
    const from = performance.now();
    response.once('close', () => {
      const labels = { method: labelOfMethod(method), route: routeOf(request, url), status: statusOf(response) };
      this.durations.observe(labels, (performance.now() - from) / 1_000);
    });
  }
}

function labelOfMethod(method: string): string {
  return COMMON_METHODS.has(method) ? method : 'other';
}

/** Express leaves the route that it chose on the request; one with a wildcard is there for what no other takes. */
function routeOf(request: IncomingMessage & { route?: { path?: unknown } }, url: string): string {
  const path = request.route?.path;
  if (typeof path === 'string' && !path.includes('*')) return path;
  return PREFIXES.find(([prefix]) => url.startsWith(prefix))?.[1] ?? UNMATCHED;
}

function statusOf(response: ServerResponse): string {
  return response.headersSent ? `${Math.floor(response.statusCode / 100)}xx` : 'aborted';
}
