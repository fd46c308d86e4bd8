import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Credential, Identity } from '../../auth/principal.js';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';
import { CONTROL_PREFIX } from '../controls/site-controls.js';
import { SiblingOrigins } from '../proxy/sibling-origins.js';
import type { Site } from '../proxy/site.js';
import { isPageRequest, redirect, sendError } from '../proxy/site-responses.js';
import { parameterOf, withoutParameters } from './parameters.js';
import { SignInTickets } from './sign-in-tickets.js';
import { TICKET_PARAMETER } from './site-access.js';
import { SiteCookie } from './site-cookie.js';

const SIGN_IN_PATH = `${CONTROL_PREFIX}sign-in`;
const TO_PARAMETER = 'to';
/** Like a ticket in a link, but the request goes on instead of being redirected to a page. */
const PASS_PARAMETER = 'devforge_pass';
/** Keeps method and body. */
const TEMPORARY_REDIRECT = 307;
/** It says which page asks, once the origin is lost. */
const KEEP_REFERRER = { 'Referrer-Policy': 'strict-origin-when-cross-origin' };

/** A page's request that came with a valid ticket. */
export interface SiblingPass {
  /** Without the ticket. */
  path: string;
  /** For further requests. */
  setCookie: string;
  credential: Credential;
}

/**
 * Signs a browser in to a port of a container when it is signed in to another site of the same container, in two redirects:
 *
 * 1. A request of a sibling page arrives without a cookie: it is redirected to the site of that page.
 * 2. There, with that site's cookie, it gets a ticket for the port and is redirected back.
 *
 * A person who opens a port takes the second step with VS Code's site. No page of another container can cause either: the
 * steps of a page's own request require that the browser names a page of the container.
 */
@Injectable()
export class SiblingSignIn {
  constructor(
    private readonly addresses: SiteAddresses,
    private readonly origins: SiblingOrigins,
    private readonly tickets: SignInTickets,
    private readonly cookie: SiteCookie,
  ) {}

  /** Whether the address is of the second step. */
  isSignIn({ path }: SiteAddress): boolean {
    return path.split('?')[0] === SIGN_IN_PATH;
  }

  /** Whether the request takes one of the steps, in which browsers no longer say which page it is from. */
  isStep(address: SiteAddress): boolean {
    return this.isSignIn(address) || parameterOf(address.path, PASS_PARAMETER) !== null;
  }

  /** The first step. @returns whether the request was redirected */
  askSibling(request: IncomingMessage, response: ServerResponse, address: SiteAddress): boolean {
    if (address.port === null || isNavigation(request) || this.isStep(address)) return false;
    const { kind, origin } = this.origins.requester(request, address);
    if (kind !== 'sibling' || request.headers.origin === 'null') return false;
    const to = `${this.addresses.protocol}//${request.headers.host}${address.path}`;
    redirect(response, `${origin}${SIGN_IN_PATH}?${TO_PARAMETER}=${encodeURIComponent(to)}`, {
      status: TEMPORARY_REDIRECT,
      headers: KEEP_REFERRER,
    });
    return true;
  }

  /** The second step, of a browser that is signed in to this site. */
  async sendBack(
    request: IncomingMessage,
    response: ServerResponse,
    address: SiteAddress,
    { containerId }: Site,
    { credential }: Identity,
  ): Promise<void> {
    const to = this.targetOf(request, address);
    if (to === null) return sendError(response, 400, 'No such address.');
    const navigation = isNavigation(request);
    const { kind } = this.origins.requester(request, address);
    if (!navigation && kind !== 'own' && kind !== 'sibling')
      return sendError(response, 403, 'Cross-site request refused.');
    const { ticket } = await this.tickets.issue({ containerId, port: to.port }, credential);
    to.url.search = `${to.url.search === '' ? '?' : `${to.url.search}&`}${navigation ? TICKET_PARAMETER : PASS_PARAMETER}=${ticket}`;
    redirect(response, to.url.href, navigation ? {} : { status: TEMPORARY_REDIRECT, headers: KEEP_REFERRER });
  }

  /** The port that somebody who is not signed in to this site wants to be sent back to. */
  portOf(request: IncomingMessage, address: SiteAddress): number | null {
    return this.targetOf(request, address)?.port ?? null;
  }

  /**
   * The end of the way: the ticket of a page's request is redeemed, and the request goes on.
   *
   * @returns the path without the ticket and the cookie for further requests; null when the request has no valid ticket
   */
  async pass(request: IncomingMessage, address: SiteAddress, site: Site): Promise<SiblingPass | null> {
    const ticket = parameterOf(address.path, PASS_PARAMETER);
    if (ticket === null || site.port === null) return null;
    if (this.origins.requester(request, address).kind !== 'sibling') return null;
    const credential = await this.tickets.redeem(ticket, site);
    if (credential === null) return null;
    const secure = this.addresses.protocol === 'https:';
    const { trustworthy } = this.addresses;
    return {
      path: withoutParameters(address.path, PASS_PARAMETER),
      setCookie: this.cookie.issueCross(site, { secure, trustworthy, partitioned: true, credential }),
      credential,
    };
  }

  private targetOf(request: IncomingMessage, address: SiteAddress): { url: URL; port: number } | null {
    const text = parameterOf(address.path, TO_PARAMETER) ?? '';
    if (!this.isSignIn(address) || !URL.canParse(text)) return null;
    const url = new URL(text);
    if (url.username !== '' || url.password !== '' || !this.origins.isSibling(url, request, address)) return null;
    const site = this.addresses.parse(url.host, url.pathname);
    return site === null || site === 'malformed' || site.port === null ? null : { url, port: site.port };
  }
}

/** Whether the browser goes to another page, rather than that a page asks for data. */
function isNavigation(request: IncomingMessage): boolean {
  const { 'sec-fetch-mode': mode, origin } = request.headers;
  // Browsers leave the mode out where the site is not secure.
  return mode === undefined
    ? isPageRequest(request) && origin === undefined
    : mode === 'navigate' && request.method === 'GET';
}
