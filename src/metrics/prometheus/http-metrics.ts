import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Histogram, Registry } from 'prom-client';
import { SiteAddresses } from '../../sites/site-addresses.js';
import { DURATION_BUCKETS } from './scraped-metrics.js';

/** Node's own word of a request, before any listener of the server sees it. */
const REQUEST_STARTS = 'http.server.request.start';
/** Sockets have figures of their own. */
const SOCKETS = '/socket.io/';
const DOCUMENTATION = '/docs/';
/** What containers answer: their editors and whatever listens on their ports. */
const SITE = 'site';
/** Anybody may ask for any path: all that leads nowhere is one. */
const UNMATCHED = 'unmatched';
const COMMON_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

interface RequestStart {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

/** Requests by the template of their route, never by their path. */
@Injectable()
export class HttpMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly durations: Histogram<'method' | 'route' | 'status'>;
  private readonly listen = (message: unknown): void => {
    const { request, response, server } = message as RequestStart;
    if (server === this.adapter.httpAdapter.getHttpServer()) this.observe(request, response);
  };

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly sites: SiteAddresses,
    registry: Registry,
  ) {
    this.durations = new Histogram({
      name: 'devforge_http_request_duration_seconds',
      help: 'HTTP requests until the answer is out, by route template and class of status',
      labelNames: ['method', 'route', 'status'],
      buckets: DURATION_BUCKETS,
      registers: [registry],
    });
  }

  onApplicationBootstrap(): void {
    subscribe(REQUEST_STARTS, this.listen);
  }

  onApplicationShutdown(): void {
    unsubscribe(REQUEST_STARTS, this.listen);
  }

  private observe(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '/', headers } = request;
    const isSite = this.sites.parse(headers.host, url) !== null;
    if (!isSite && url.startsWith(SOCKETS)) return;
    const from = performance.now();
    response.once('close', () => {
      const labels = {
        method: COMMON_METHODS.has(method) ? method : 'other',
        route: isSite ? SITE : routeOf(request, url),
        status: statusOf(response),
      };
      this.durations.observe(labels, (performance.now() - from) / 1_000);
    });
  }
}

/** Express leaves the route that it chose on the request; one with a wildcard is there for what no other takes. */
function routeOf(request: IncomingMessage & { route?: { path?: unknown } }, url: string): string {
  const path = request.route?.path;
  if (typeof path === 'string' && !path.includes('*')) return path;
  return url.startsWith(DOCUMENTATION) ? `${DOCUMENTATION}*` : UNMATCHED;
}

function statusOf(response: ServerResponse): string {
  return response.headersSent ? `${Math.floor(response.statusCode / 100)}xx` : 'aborted';
}
