import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Application } from 'express';
import type { IncomingMessage } from 'node:http';

/** The IP addresses of clients, also of requests that Express does not route, such as those to sites and of sockets. */
@Injectable()
export class ClientAddresses {
  constructor(private readonly host: HttpAdapterHost) {}

  /** Behind the trusted proxies, as `request.ip` of Express. @returns null when the connection is closed already */
  of(request: IncomingMessage): string | null {
    const app = this.host.httpAdapter.getInstance<Application & { request: object }>();
    // The getter needs the application, whose setting it reads.
    const routed: unknown = Object.create(request, { app: { value: app } });
    return (Reflect.get(app.request, 'ip', routed) as string | undefined) ?? null;
  }
}
