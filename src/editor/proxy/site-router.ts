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
import { keepWaiting, redirect, refuse } from './site-answers.js';
import { SiteDirectory } from './site-directory.js';
import { SiteProxy } from './site-proxy.js';
import { waitingText } from './waiting-page.js';

export const TICKET = 'devforge_ticket';
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const SIGN_IN =
  'This browser is not signed in here. Ask for a new link: POST /api/containers/:id/editor, or …/ports/:port/preview.';

/** Takes requests for containers' sites before anything else sees them: nothing of the API answers under a site's name. */
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

  /** To be called once everything else listens to the server. */
  attach({ httpAdapter }: HttpAdapterHost): void {
    const server: Server = httpAdapter.getHttpServer();
    divert(server, 'request', (request, response) => this.takes(request, response as ServerResponse, null));
    divert(server, 'upgrade', (request, target, head) => {
      const socket = target as Duplex;
      // From here on Node.js does not look after it any more; whoever breaks off before anybody else does would end the process.
      socket.on('error', () => socket.destroy());
      return this.takes(request, socket, head ?? Buffer.alloc(0));
    });
  }

  /** @returns whether the request is for a site */
  private takes(request: IncomingMessage, target: ServerResponse | Duplex, head: Buffer | null): boolean {
    const address = this.addresses.parse(request.headers.host, request.url ?? '/');
    if (address === null) return false;
    if (address === 'malformed') refuse(target, 400, 'There is no such address.');
    else {
      this.route(request, target, head, address).catch((error: unknown) => {
        this.logger.warn({ err: error }, 'A request for a site failed');
        refuse(target, 503, 'DevForge cannot answer at the moment.');
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
    // Nobody learns here which containers there are.
    if (container === null) return refuse(target, 401, SIGN_IN);
    const site: Site = { containerId: container.id, port: address.port };
    if (head === null && 'writeHead' in target) {
      const ticket = ticketOf(address.path);
      if (ticket !== null) return this.signIn(target, address, site, ticket);
    }
    if (!this.cookie.opens(request.headers.cookie, site)) return refuse(target, 401, SIGN_IN);
    if (address.form === 'path' && address.missingSlash && 'writeHead' in target)
      return redirect(target, `/editor/${container.id}${address.path}`);
    if (this.isForeign(request, container, head !== null))
      return refuse(target, 403, 'Another site asks for this, in the name of this browser.');
    if (container.status !== 'running' || container.runtimeId === null)
      return keepWaiting(request, target, container.name, waitingText(container));
    if (site.port === null && container.template === 'claude')
      return refuse(target, 404, 'This container has no VS Code: its template is claude.');
    const to = { site, container, path: address.path };
    if (head === null) await this.proxy.web(request, target as ServerResponse, to);
    else await this.proxy.ws(request, target as Socket, head, to);
  }

  private async signIn(response: ServerResponse, address: SiteAddress, site: Site, ticket: string): Promise<void> {
    if (!(await this.tickets.redeem(ticket, site))) {
      return refuse(
        response,
        401,
        'This link was used, is too old, or is for something else. Ask for a new one: POST /api/containers/:id/editor, or …/ports/:port/preview.',
      );
    }
    const home = address.form === 'host' ? '/' : `/editor/${site.containerId}/`;
    const cookie = this.cookie.issue(site, { path: home, secure: this.settings.publicUrl.startsWith('https:') });
    redirect(response, home, { 'Set-Cookie': cookie });
  }

  /** A page elsewhere may make a browser send its cookie along: by a form, or by a WebSocket. */
  private isForeign(request: IncomingMessage, container: ContainerRow, upgrade: boolean): boolean {
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
  return at < 0 ? null : new URLSearchParams(path.slice(at)).get(TICKET);
}

type Listener = (request: IncomingMessage, target: unknown, head?: Buffer) => void;

/** Puts a listener before all others of a server; they hear only what it does not take. */
function divert(server: Server, event: 'request' | 'upgrade', takes: (...args: Parameters<Listener>) => boolean): void {
  const others = server.listeners(event) as Listener[];
  server.removeAllListeners(event);
  server.on(event, (...args: Parameters<Listener>) => {
    if (takes(...args)) return;
    for (const other of others) other.apply(server, args);
  });
}
