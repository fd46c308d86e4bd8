import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { createProxyServer, type ProxyServer } from 'http-proxy-3';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { ERROR_CODES } from '../common/error-codes.js';
import { toDomainError, toProblem } from '../common/problem.js';
import { Settings } from '../config/settings.js';
import { EditorCookie, withoutOwnCookies } from './editor-cookie.js';
import { EditorService } from './editor.service.js';
import { EditorTickets } from './editor-tickets.js';

const ROUTE = /^\/editor\/(?<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?<rest>\/.*)?$/;

/** Hands requests for `/editor/:id/` on to the VS Code of that container, pages and WebSockets alike, once the browser is signed in. */
@Injectable()
export class EditorProxy implements BeforeApplicationShutdown {
  private readonly proxy: ProxyServer = createProxyServer({ xfwd: true, changeOrigin: false });
  private readonly upgraded = new Set<Duplex>();

  constructor(
    private readonly editor: EditorService,
    private readonly tickets: EditorTickets,
    private readonly cookie: EditorCookie,
    private readonly settings: Settings,
    private readonly adapter: HttpAdapterHost,
    @InjectPinoLogger(EditorProxy.name) private readonly logger: PinoLogger,
  ) {
    this.proxy.on('error', (error, _request, target) => {
      this.logger.debug({ err: error }, 'The editor did not answer');
      if ('writeHead' in target && !target.headersSent) this.refuse(target, 503, 'The editor does not answer; open it again.');
      else target.destroy();
    });
  }

  /** Takes over WebSocket upgrades; to be called once the server exists. */
  attach(): void {
    this.adapter.httpAdapter.getHttpServer().on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (request.url?.startsWith('/editor/')) void this.upgrade(request, socket, head);
    });
  }

  /** The server closes only once every connection has ended, taken-over ones as well. */
  beforeApplicationShutdown(): void {
    for (const socket of this.upgraded) socket.destroy();
    this.proxy.close();
  }

  /** Answers a request below `/editor/`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://editor');
    const { id, rest } = ROUTE.exec(url.pathname)?.groups ?? {};
    if (id === undefined) return this.refuse(response, 404, 'There is no such editor.');
    if (rest === undefined) return this.redirect(response, `/editor/${id}/${url.search}`);
    const ticket = url.searchParams.get('ticket');
    if (ticket !== null && rest === '/') return this.signIn(response, id, ticket);
    if (!this.cookie.opens(request.headers.cookie, id)) {
      return this.refuse(response, 401, 'This browser is not signed in to this editor. Ask for a new link: POST /api/containers/:id/editor.');
    }
    try {
      const target = await this.editor.addressOf(id);
      forward(request, rest + url.search);
      this.proxy.web(request, response, { target });
    } catch (error) {
      const problem = toProblem(toDomainError(error), '');
      this.refuse(response, problem.status, problem.detail);
    }
  }

  private async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://editor');
    const { id, rest } = ROUTE.exec(url.pathname)?.groups ?? {};
    const signedIn = id !== undefined && rest !== undefined && this.cookie.opens(request.headers.cookie, id);
    if (!signedIn) return void socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    try {
      const target = await this.editor.addressOf(id);
      forward(request, rest + url.search);
      this.upgraded.add(socket);
      socket.once('close', () => this.upgraded.delete(socket));
      this.proxy.ws(request, socket as never, head, { target });
    } catch (error) {
      this.logger.debug({ err: error }, 'An editor connection was refused');
      socket.end(`HTTP/1.1 ${ERROR_CODES.editor_unavailable.status} Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    }
  }

  private signIn(response: ServerResponse, id: string, ticket: string): void {
    if (!this.tickets.redeem(ticket, id)) return this.refuse(response, 401, 'This link was used or is too old. Ask for a new one: POST /api/containers/:id/editor.');
    response.setHeader('Set-Cookie', this.cookie.issue(id, this.settings.publicUrl.startsWith('https:')));
    this.redirect(response, `/editor/${id}/`);
  }

  private redirect(response: ServerResponse, location: string): void {
    response.writeHead(302, { Location: location, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }).end();
  }

  private refuse(response: ServerResponse, status: number, message: string): void {
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }).end(`${message}\n`);
  }
}

/** The request as the editor gets it: its own path, and none of DevForge's credentials. */
function forward(request: IncomingMessage, path: string): void {
  request.url = path;
  delete request.headers.authorization;
  const cookie = withoutOwnCookies(request.headers.cookie);
  if (cookie === undefined) delete request.headers.cookie;
  else request.headers.cookie = cookie;
}
