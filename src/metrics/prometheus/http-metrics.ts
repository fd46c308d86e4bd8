import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Histogram, Registry } from 'prom-client';
import { SiteAddresses } from '../../sites/site-addresses.js';
import { DURATION_BUCKETS } from './scraped-metrics.js';

/** Diagnostics channel on which Node.js publishes each request before the listeners of the server get it. */
const REQUEST_STARTS = 'http.server.request.start';
/** Left out, because sockets have their own metrics. */
const SOCKETS = '/socket.io/';
const DOCUMENTATION = '/docs/';
/** Requests that containers answer: their editors and the servers on their ports. */
const SITE = 'site';
/** One label for all unknown paths, because clients can send any number of them. */
const UNMATCHED = 'unmatched';
const COMMON_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

interface RequestStart {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

/** Counts HTTP requests by the template of their route, which limits the number of labels. */
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

/** Express stores the matched route on the request. Routes with a wildcard are fallbacks and count as unmatched. */
function routeOf(request: IncomingMessage & { route?: { path?: unknown } }, url: string): string {
  const path = request.route?.path;
  if (typeof path === 'string' && !path.includes('*')) return path;
  return url.startsWith(DOCUMENTATION) ? `${DOCUMENTATION}*` : UNMATCHED;
}

function statusOf(response: ServerResponse): string {
  return response.headersSent ? `${Math.floor(response.statusCode / 100)}xx` : 'aborted';
}
