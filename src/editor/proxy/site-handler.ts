import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RequestContext, runInContext } from '../../common/request-context.js';
import { ClientAddresses } from '../../http/client-addresses.js';
import { Revocation } from '../../auth/revocation.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';
import { CONTROL_PREFIX, SiteControls } from '../controls/site-controls.js';
import { canBeStarted, waitingMessage } from '../pages/waiting-page.js';
import { SiblingSignIn } from '../sign-in/sibling-sign-in.js';
import { type Grant, homeOf, SITE_PERMISSION } from '../sign-in/site-access.js';
import { type Principal, principalIn } from '../../auth/principal.js';
import { askAsLocalhost, redirectToSite } from './localhost-mode.js';
import { SiblingOrigins } from './sibling-origins.js';
import { withoutCorsDecision } from './sibling-cors.js';
import type { Site } from './site.js';
import { type SiteDestination, SiteProxy } from './site-proxy.js';
import { isPageRequest, redirect, type ResponseTarget, sendError, sendWaitingPage } from './site-responses.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** code-server's own proxy for ports, whose pages would share VS Code's origin. */
const EDITOR_PORT_PROXY = /^\/+(?:vscode\/+)?(?:abs)?proxy(?:\/|\?|$)/i;

/** A request of a browser that is signed in. */
export interface GrantedRequest {
  address: SiteAddress;
  container: ContainerRow;
  site: Site;
  grant: Grant & { setCookie?: string };
}

/** Serves a site to browsers that are signed in to it. */
@Injectable()
export class SiteHandler {
  constructor(
    private readonly addresses: SiteAddresses,
    private readonly origins: SiblingOrigins,
    private readonly siblings: SiblingSignIn,
    private readonly controls: SiteControls,
    private readonly proxy: SiteProxy,
    private readonly revocation: Revocation,
    private readonly clients: ClientAddresses,
  ) {}

  async request(request: IncomingMessage, response: ServerResponse, found: GrantedRequest): Promise<void> {
    const { address, site, grant } = found;
    if (address.form === 'path' && address.missingSlash)
      return redirect(response, homeOf(address, site) + address.path.slice(1));
    if (this.isCrossSite(request, found, false)) return sendError(response, 403, 'Cross-site request refused.');
    if (address.path.startsWith(CONTROL_PREFIX) && grant.byOwnCookie)
      return runInContext(this.contextOf(request, found), () => this.control(request, response, found));
    const to = await this.inUse(request, found);
    if (this.refuses(request, response, to)) return;
    this.revocation.watchStream(visitorOf(to), response);
    await this.proxy.web(request, response, this.destination(request, to));
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, found: GrantedRequest): Promise<void> {
    if (this.isCrossSite(request, found, true)) return sendError(socket, 403, 'Cross-site request refused.');
    const to = await this.inUse(request, found);
    if (this.refuses(request, socket, to)) return;
    this.revocation.watchStream(visitorOf(to), socket);
    await this.proxy.ws(request, socket as Socket, head, this.destination(request, to));
  }

  /** With the container as it is once it may be used. */
  private async inUse(request: IncomingMessage, to: GrantedRequest): Promise<GrantedRequest> {
    if (this.controls.isInUse(to.container, to.site.port)) return to;
    const container = await runInContext(this.contextOf(request, to), () =>
      this.controls.use(to.container, to.site.port),
    );
    return { ...to, container };
  }

  private contextOf(request: IncomingMessage, { grant }: GrantedRequest): RequestContext {
    return { address: this.clients.of(request), requestId: null, actor: grant.identity };
  }

  /** What the person who is signed in does beyond the site itself. */
  private async control(request: IncomingMessage, response: ServerResponse, to: GrantedRequest): Promise<void> {
    const { address, container, site, grant } = to;
    if (this.siblings.isSignIn(address))
      return this.siblings.sendBack(request, response, address, site, grant.identity);
    const isOwn = this.origins.requester(request, address).kind === 'own' && request.headers.origin !== undefined;
    return this.controls.handle(request, response, address.path, { container, home: homeOf(address, site), isOwn });
  }

  /** @returns whether the container has nothing to answer with */
  private refuses(request: IncomingMessage, target: ResponseTarget, to: GrantedRequest): boolean {
    const { address, container, site, grant } = to;
    if (container.status !== 'running' || container.runtimeId === null) {
      sendWaitingPage(request, target, {
        title: container.name,
        text: waitingMessage(container),
        ...(grant.byOwnCookie && canBeStarted(container)
          ? { startAction: `${homeOf(address, site)}${CONTROL_PREFIX.slice(1)}start` }
          : {}),
      });
      return true;
    }
    if (site.port !== null) return false;
    if (container.template === 'claude') {
      sendError(target, 404, 'This container has no VS Code: its template is claude.');
      return true;
    }
    if (!isEditorPortProxy(address.path)) return false;
    const url = this.addresses.previewTemplate(container);
    sendError(
      target,
      404,
      `VS Code's own proxy for ports is off. ${url === null ? 'Ports have no preview here: that needs EDITOR_DOMAIN.' : `A port is at ${url.replace('{{port}}', '<port>')}.`}`,
    );
    return true;
  }

  private destination(request: IncomingMessage, { address, container, site, grant }: GrantedRequest): SiteDestination {
    const changes: ((headers: string[]) => string[])[] = [];
    if (request.headers.origin !== undefined) {
      const { kind, origin } = this.origins.requester(request, address);
      if (kind === 'sibling') changes.push(withoutCorsDecision);
      // After redirects between sites the browser names no origin; the page has one all the same.
      if (kind === 'sibling' && request.headers.origin === 'null') request.headers.origin = origin!;
    }
    if (grant.setCookie !== undefined) changes.push((headers) => [...headers, 'Set-Cookie', grant.setCookie!]);
    if (grant.asLocalhost && site.port !== null) {
      const { port } = site;
      askAsLocalhost(request, address, this.addresses);
      changes.push((headers) => redirectToSite(headers, port));
    }
    if (address.form === 'path') changes.push((headers) => limitServiceWorkers(headers, homeOf(address, site)));
    const isEditorPage = site.port === null && isPageRequest(request) && /^\/(?:\?|$)/.test(address.path);
    return {
      site,
      container,
      path: address.path,
      ...(changes.length === 0
        ? {}
        : { changeHeaders: (headers) => changes.reduce((all, change) => change(all), headers) }),
      ...(isEditorPage
        ? { insertion: `<script src="${homeOf(address, site)}${CONTROL_PREFIX.slice(1)}editor.js" defer></script>` }
        : {}),
    };
  }

  /**
   * Pages of other sites can make the browser send its cookie, with a form, a script or a WebSocket. Ports of a container may
   * call one another; VS Code is for its own pages.
   */
  private isCrossSite(request: IncomingMessage, { address, site }: GrantedRequest, upgrade: boolean): boolean {
    const { origin } = request.headers;
    if (origin === undefined) return false;
    const { kind } = this.origins.requester(request, address);
    if (kind === 'own') return false;
    if (kind === 'sibling') return site.port === null && !this.siblings.isSignIn(address);
    // A frame in a sandbox has no origin, and reads nothing that it is not allowed to.
    return upgrade || origin !== 'null' || !SAFE_METHODS.has(request.method ?? 'GET');
  }
}

/** For whom a connection to a site stays open. */
function visitorOf({ grant, container }: GrantedRequest): Principal {
  return principalIn(grant.identity, SITE_PERMISSION, container.projectId);
}

function isEditorPortProxy(path: string): boolean {
  try {
    return EDITOR_PORT_PROXY.test(decodeURIComponent(path));
  } catch {
    return EDITOR_PORT_PROXY.test(path);
  }
}

/** Where VS Codes share DevForge's origin, a service worker is kept to the path of its own. */
function limitServiceWorkers(headers: string[], home: string): string[] {
  return headers.map((value, at) =>
    at % 2 === 1 && headers[at - 1]!.toLowerCase() === 'service-worker-allowed' ? home : value,
  );
}
