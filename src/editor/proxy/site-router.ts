import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Settings } from '../../config/settings.js';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { SignInTickets } from '../sign-in/sign-in-tickets.js';
import { SiteCookie } from '../sign-in/site-cookie.js';
import type { Site } from './site.js';
import { sendWaitingPage, redirect, sendError } from './site-responses.js';
import { SiteDirectory } from './site-directory.js';
import { SiteProxy } from './site-proxy.js';
import { waitingMessage } from './waiting-page.js';

export const TICKET_PARAMETER = 'devforge_ticket';
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const SIGN_IN =
  'This browser is not signed in here. Request a new link: POST /api/containers/:id/editor, or …/ports/:port/preview.';

/** Handles requests to sites of containers before the API sees them, so that no API route answers under a site's name. */
@Injectable()
export class SiteRouter {
  constructor(
    private readonly addresses: SiteAddresses,
    private readonly directory: SiteDirectory,
    private readonly tickets: SignInTickets,
    private readonly cookie: SiteCookie,
    private readonly proxy: SiteProxy,
    private readonly settings: Settings,
    @InjectPinoLogger(SiteRouter.name) private readonly logger: PinoLogger,
  ) {}

  /** Must be called after everything else has added its listeners to the server. */
  attach({ httpAdapter }: HttpAdapterHost): void {
    const server: Server = httpAdapter.getHttpServer();
    intercept(server, 'request', (request, response) => this.handle(request, response as ServerResponse, null));
    intercept(server, 'upgrade', (request, target, head) => {
      const socket = target as Duplex;
      // Node.js removes its own error listener on an upgrade; without one, a client that disconnects would end the process.
      socket.on('error', () => socket.destroy());
      return this.handle(request, socket, head ?? Buffer.alloc(0));
    });
  }

  /** @returns whether the request is to a site */
  private handle(request: IncomingMessage, target: ServerResponse | Duplex, head: Buffer | null): boolean {
    const address = this.addresses.parse(request.headers.host, request.url ?? '/');
    if (address === null) return false;
    if (address === 'malformed') sendError(target, 400, 'No such address.');
    else {
      this.route(request, target, head, address).catch((error: unknown) => {
        this.logger.warn({ err: error }, 'A request to a site failed');
        sendError(target, 503, 'DevForge cannot answer at the moment.');
      });
    }
    return true;
  }

  private async route(
    request: IncomingMessage,
    target: ServerResponse | Duplex,
    head: Buffer | null,
    address: SiteAddress,
  ): Promise<void> {
    const container = await this.directory.find(address.container);
    // The same answer as for a missing cookie: it does not reveal whether the container exists.
    if (container === null) return sendError(target, 401, SIGN_IN);
    const site: Site = { containerId: container.id, port: address.port };
    if (head === null && 'writeHead' in target) {
      const ticket = ticketOf(address.path);
      if (ticket !== null) return this.signIn(target, address, site, ticket);
    }
    if (!this.cookie.isValidFor(request.headers.cookie, site)) return sendError(target, 401, SIGN_IN);
    if (address.form === 'path' && address.missingSlash && 'writeHead' in target)
      return redirect(target, `/editor/${container.id}${address.path}`);
    if (this.isCrossSite(request, container, head !== null))
      return sendError(target, 403, 'Cross-site request refused.');
    if (container.status !== 'running' || container.runtimeId === null)
      return sendWaitingPage(request, target, container.name, waitingMessage(container));
    if (site.port === null && container.template === 'claude')
      return sendError(target, 404, 'This container has no VS Code: its template is claude.');
    const destination = { site, container, path: address.path };
    if (head === null) await this.proxy.web(request, target as ServerResponse, destination);
    else await this.proxy.ws(request, target as Socket, head, destination);
  }

  private async signIn(response: ServerResponse, address: SiteAddress, site: Site, ticket: string): Promise<void> {
    if (!(await this.tickets.redeem(ticket, site))) {
      return sendError(
        response,
        401,
        'This link has been used, has expired, or is for another site. Request a new one: POST /api/containers/:id/editor, or …/ports/:port/preview.',
      );
    }
    const home = address.form === 'host' ? '/' : `/editor/${site.containerId}/`;
    const cookie = this.cookie.issue(site, { path: home, secure: this.settings.publicUrl.startsWith('https:') });
    redirect(response, home, { 'Set-Cookie': cookie });
  }

  /** Pages of other sites can make the browser send its cookie, with a form or a WebSocket. */
  private isCrossSite(request: IncomingMessage, container: ContainerRow, upgrade: boolean): boolean {
    const { origin, host } = request.headers;
    if (origin === undefined || (!upgrade && SAFE_METHODS.has(request.method ?? 'GET'))) return false;
    const from = URL.canParse(origin) ? new URL(origin).host : '';
    if (from === host) return false;
    const sibling = this.addresses.parse(from, '/');
    return sibling === null || sibling === 'malformed' || sibling.container !== container.name;
  }
}

function ticketOf(path: string): string | null {
  const at = path.indexOf('?');
  return at < 0 ? null : new URLSearchParams(path.slice(at)).get(TICKET_PARAMETER);
}

type Listener = (request: IncomingMessage, target: unknown, head?: Buffer) => void;

/** Adds a listener before all others of a server, which get only the events for which it returns false. */
function intercept(
  server: Server,
  event: 'request' | 'upgrade',
  handle: (...args: Parameters<Listener>) => boolean,
): void {
  const others = server.listeners(event) as Listener[];
  server.removeAllListeners(event);
  server.on(event, (...args: Parameters<Listener>) => {
    if (handle(...args)) return;
    for (const other of others) other.apply(server, args);
  });
}
