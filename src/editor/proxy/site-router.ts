import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { trustRequest } from '../../http/trusted-requests.js';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';
import { parameterOf } from '../sign-in/parameters.js';
import { type SiblingPass, SiblingSignIn } from '../sign-in/sibling-sign-in.js';
import { SiteAccess, TICKET_PARAMETER } from '../sign-in/site-access.js';
import { SiblingOrigins } from './sibling-origins.js';
import { allowReading, answerPreflight, isPreflight } from './sibling-cors.js';
import type { Site } from './site.js';
import { redirect, type ResponseTarget, sendError } from './site-responses.js';
import { SiteDirectory } from './site-directory.js';
import { type GrantedRequest, SiteHandler } from './site-handler.js';
import { intercept } from '../../http/intercept.js';

/** Handles requests to sites of containers before the API sees them, so that no API route answers under a site's name. */
@Injectable()
export class SiteRouter {
  constructor(
    private readonly addresses: SiteAddresses,
    private readonly directory: SiteDirectory,
    private readonly origins: SiblingOrigins,
    private readonly access: SiteAccess,
    private readonly siblings: SiblingSignIn,
    private readonly handler: SiteHandler,
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
  private handle(request: IncomingMessage, target: ResponseTarget, head: Buffer | null): boolean {
    const address = this.addresses.parse(request.headers.host, request.url ?? '/');
    if (address === null) return false;
    const elsewhere = address === 'malformed' ? null : this.addresses.elsewhere(address, request.headers.host);
    if (address === 'malformed') sendError(target, 400, 'No such address.');
    else if (elsewhere !== null) {
      if ('writeHead' in target) redirect(target, elsewhere);
      else sendError(target, 404, `It is at ${elsewhere}.`);
    } else {
      this.route(request, target, head, address).catch((error: unknown) => {
        this.logger.warn({ err: error }, 'A request to a site failed');
        sendError(target, 503, 'DevForge cannot answer at the moment.');
      });
    }
    return true;
  }

  private async route(
    request: IncomingMessage,
    target: ResponseTarget,
    head: Buffer | null,
    address: SiteAddress,
  ): Promise<void> {
    if ('writeHead' in target && this.answersSibling(request, target, address)) return;
    const container = await this.directory.find(address.container);
    if (container === null) return this.refuse(request, target, address);
    const site: Site = { containerId: container.id, port: address.port };
    if ('writeHead' in target) {
      const ticket = request.method === 'GET' ? parameterOf(address.path, TICKET_PARAMETER) : null;
      if (ticket !== null)
        return this.access.signIn(request, target, address, { container, port: address.port, ticket });
    }
    const pass = await this.siblings.pass(request, address, site);
    const grant =
      pass === null
        ? await this.access.grantOf(request, address, site, container)
        : await this.grantBy(pass, container);
    if (grant === null) return this.refuse(request, target, address);
    trustRequest(request);
    const to = { address: pass === null ? address : { ...address, path: pass.path }, container, site, grant };
    if (head !== null) return this.handler.upgrade(request, target as Duplex, head, to);
    return this.handler.request(request, target as ServerResponse, to);
  }

  private async grantBy(
    { credential, setCookie }: SiblingPass,
    container: ContainerRow,
  ): Promise<GrantedRequest['grant'] | null> {
    const identity = await this.access.identityOf(credential, container);
    return identity === null ? null : { byOwnCookie: false, asLocalhost: false, identity, setCookie };
  }

  /**
   * Before a container is looked up: answers the preflight of a page of a sibling site, and allows that page to read the response.
   * @returns whether the request was answered
   */
  private answersSibling(request: IncomingMessage, response: ServerResponse, address: SiteAddress): boolean {
    const { origin } = request.headers;
    if (origin === undefined || address.form !== 'host') return false;
    const isStep = this.siblings.isStep(address);
    // VS Code's site is for its own pages, except that it signs them in to others.
    if (address.port === null && !isStep) return false;
    const { kind } = this.origins.requester(request, address);
    const isAllowed = kind === 'sibling' || (origin === 'null' && isStep && isPreflight(request));
    if (!isAllowed) return false;
    if (isPreflight(request)) {
      answerPreflight(request, response);
      return true;
    }
    allowReading(response, origin);
    return false;
  }

  /** The same answer whether the container exists or not. */
  private refuse(request: IncomingMessage, target: ResponseTarget, address: SiteAddress): void {
    if ('writeHead' in target && this.siblings.askSibling(request, target, address)) return;
    const port = address.port ?? this.siblings.portOf(request, address);
    this.access.refuse(request, target, address, { port, asksEditor: address.port !== null });
  }
}
