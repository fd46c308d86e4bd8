import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AuditLog } from '../../auth/audit/audit-log.js';
import { Authenticator } from '../../auth/authenticator.js';
import { type Credential, type Identity, isInScope, scopeOf } from '../../auth/principal.js';
import { Settings } from '../../config/settings.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';
import { signInRequiredPage } from '../pages/sign-in-required-page.js';
import { SiblingOrigins } from '../proxy/sibling-origins.js';
import type { Site } from '../proxy/site.js';
import { isPageRequest, redirect, type ResponseTarget, sendError, sendPage } from '../proxy/site-responses.js';
import { parameterOf, withoutParameters } from './parameters.js';
import { SignInTickets } from './sign-in-tickets.js';
import { SiteCookie, type SiteCookieContent } from './site-cookie.js';

export const TICKET_PARAMETER = 'devforge_ticket';
/** With `localhost`, the program on the port is asked as `localhost`. */
export const HOST_PARAMETER = 'devforge_host';
const NOT_SIGNED_IN = 'This browser is not signed in here.';
const REQUEST_LINK = 'Request a new link: POST /api/containers/:id/editor, or …/ports/:port/preview.';
const INCLUDE_COOKIES = "A page's request to another port needs cookies: fetch(url, { credentials: 'include' }).";
const LINK_SPENT = 'This link has been used, has expired, or is for another site.';

/** What a request may do at a site. */
export interface Grant {
  /** Whether the site's own cookie was sent, rather than the one for pages of sibling sites. */
  byOwnCookie: boolean;
  asLocalhost: boolean;
  /** Who asked for the link. */
  identity: Identity;
}

/** The permission to ask for a link, without which the cookie that came of one is worth nothing. */
export const SITE_PERMISSION = 'container:editor';

/** A site that a link leads to. */
export interface LinkedSite {
  container: Pick<ContainerRow, 'id' | 'name' | 'projectId'>;
  port: number | null;
  ticket: string;
}

export interface RefuseOptions {
  /** What a person wants to open; null for VS Code. */
  port: number | null;
  /** What happened, if it is not only that the browser has no cookie. */
  reason?: string;
  /** Whether the page asks VS Code's site whether the browser is signed in there. */
  asksEditor?: boolean;
}

/** Decides whether a browser is signed in to a site, signs it in by a link, and tells a person how to get in. */
@Injectable()
export class SiteAccess {
  constructor(
    private readonly addresses: SiteAddresses,
    private readonly origins: SiblingOrigins,
    private readonly tickets: SignInTickets,
    private readonly cookie: SiteCookie,
    private readonly settings: Settings,
    private readonly authenticator: Authenticator,
    private readonly audit: AuditLog,
  ) {}

  /** @returns null when the browser is not signed in to the site */
  async grantOf(
    request: IncomingMessage,
    address: SiteAddress,
    site: Site,
    container: Pick<ContainerRow, 'projectId'>,
  ): Promise<Grant | null> {
    const own = this.cookie.read(request.headers.cookie, site);
    if (own !== null) {
      const identity = await this.identityOf(own.credential, container);
      return identity === null ? null : { byOwnCookie: true, asLocalhost: own.asLocalhost, identity };
    }
    if (site.port === null) return null;
    const cross = this.cookie.read(request.headers.cookie, site, 'cross');
    if (cross === null) return null;
    // Browsers send this cookie for every page in the world.
    const { kind } = this.origins.requester(request, address);
    if (kind !== 'own' && kind !== 'sibling') return null;
    const identity = await this.identityOf(cross.credential, container);
    return identity === null ? null : { byOwnCookie: false, asLocalhost: cross.asLocalhost, identity };
  }

  /** @returns null when the credential is no longer valid, or may no longer open the container's sites */
  async identityOf(credential: Credential, { projectId }: Pick<ContainerRow, 'projectId'>): Promise<Identity | null> {
    const identity = await this.authenticator.identityOf(credential);
    return identity !== null && isInScope(scopeOf(identity, SITE_PERMISSION), projectId) ? identity : null;
  }

  /** Signs in with the ticket in a link. A link that was used opens again where the browser still has its cookie. */
  async signIn(
    request: IncomingMessage,
    response: ServerResponse,
    address: SiteAddress,
    { container, port, ticket }: LinkedSite,
  ): Promise<void> {
    const site: Site = { containerId: container.id, port };
    const asLocalhost = parameterOf(address.path, HOST_PARAMETER) === 'localhost';
    const location = homeOf(address, site) + this.targetOf(address);
    const credential = await this.tickets.redeem(ticket, site);
    if (credential !== null) {
      const identity = await this.identityOf(credential, container);
      if (identity !== null) await this.audit.recordSite(request, identity, container, port);
      const cookies = this.cookies(address, site, { asLocalhost, credential });
      return redirect(response, location, { headers: { 'Set-Cookie': cookies } });
    }
    if (this.cookie.isValidFor(request.headers.cookie, site)) return redirect(response, location);
    this.refuse(request, response, address, { port, reason: LINK_SPENT });
  }

  /** The same answer whether the container exists or not. */
  refuse(request: IncomingMessage, target: ResponseTarget, address: SiteAddress, options: RefuseOptions): void {
    const { port, reason, asksEditor = false } = options;
    if (!('writeHead' in target) || !isPageRequest(request))
      return sendError(target, 401, `${reason ?? NOT_SIGNED_IN} ${isOfPage(request) ? INCLUDE_COOKIES : REQUEST_LINK}`);
    const query = new URLSearchParams({ container: address.container });
    if (port !== null) query.set('port', String(port));
    const signInUrl = `${this.settings.publicUrl}/sign-in?${query.toString()}`;
    sendPage(target, 401, signInRequiredPage({ reason: reason ?? NOT_SIGNED_IN, signInUrl, asksEditor }));
  }

  /** The cookies of a browser that has just been signed in. */
  private cookies(address: SiteAddress, site: Site, content: SiteCookieContent): string | string[] {
    const secure = this.addresses.protocol === 'https:';
    const own = this.cookie.issue(site, { path: homeOf(address, site), secure, ...content });
    if (site.port === null) return own;
    const { trustworthy } = this.addresses;
    return [
      own,
      this.cookie.issueCross(site, { secure, trustworthy, partitioned: false, credential: content.credential }),
    ];
  }

  /** What follows the first slash, without DevForge's parameters: never an address of another server. */
  private targetOf({ path }: SiteAddress): string {
    return withoutParameters(path, TICKET_PARAMETER, HOST_PARAMETER).replace(/^[/\\]+/, '');
  }
}

/** The path of a site's first page, with a slash at its end. */
export function homeOf(address: SiteAddress, site: Pick<Site, 'containerId'>): string {
  return address.form === 'host' ? '/' : `/editor/${site.containerId}/`;
}

function isOfPage({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined && headers.upgrade === undefined;
}
