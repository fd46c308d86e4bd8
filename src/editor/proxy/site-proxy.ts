import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { createProxyServer, type ProxyServer } from 'http-proxy-3';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { errors } from 'undici';
import { AdminToken } from '../../auth/admin-token.js';
import { parseApiKey } from '../../auth/api-keys/api-key-token.js';
import { GarbageLimit } from '../../common/bytes/garbage-limit.js';
import { MAX_HEADER_BYTES } from '../../common/limits.js';
import { DomainError } from '../../common/errors/domain-error.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { EditorHeartbeat } from '../editor-heartbeat.js';
import { EditorLauncher } from '../editor-launcher.js';
import { forward, hasBody, UnexpectedProtocolError } from './forward.js';
import { removeConnectionHeaders, restrictCookies } from './forwarded-headers.js';
import { containsToken } from './own-token.js';
import { withoutOwnCookies } from '../sign-in/site-cookie.js';
import type { Site } from './site.js';
import { sendError, sendWaitingPage } from './site-responses.js';
import { TUNNEL_ORIGIN } from '../tunnel/tunnel-clients.js';
import { mayExpectTls } from '../tunnel/tls-ports.js';
import { ConnectionRefusedError } from '../tunnel/tunnel-target.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { Tunnels } from '../tunnel/tunnels.js';

/** Where a request goes. */
export interface SiteDestination {
  site: Site;
  container: ContainerRow;
  /** Path and query as the site sees them. */
  path: string;
  /** Changes the headers of the response: names and values in turn. */
  changeHeaders?: (headers: string[]) => string[];
  /** HTML that is inserted into the head of the page, if the response is one. */
  insertion?: string | undefined;
}

/** Forwards requests and upgrades to a container's site, without DevForge's own credentials. */
@Injectable()
export class SiteProxy implements BeforeApplicationShutdown {
  private readonly upgrades: ProxyServer = createProxyServer({ xfwd: true, changeOrigin: false });
  private readonly upgraded = new Set<Duplex>();
  private readonly garbage = new GarbageLimit();

  constructor(
    private readonly tunnels: Tunnels,
    private readonly launcher: EditorLauncher,
    private readonly heartbeat: EditorHeartbeat,
    private readonly token: AdminToken,
    @InjectPinoLogger(SiteProxy.name) private readonly logger: PinoLogger,
  ) {
    // Emitted when a browser disconnects; without a listener it would end the process.
    this.upgrades.on('error', () => undefined);
    this.upgrades.on('proxyReqWs', prepareUpgrade);
  }

  async web(request: IncomingMessage, response: ServerResponse, to: SiteDestination): Promise<void> {
    response.once('close', this.tunnels.hold(workspaceOf(to.container)));
    try {
      await this.prepare(request, to);
      await this.forward(request, response, to);
    } catch (error) {
      this.handleFailure(error, request, response, to);
    }
  }

  async ws(request: IncomingMessage, socket: Socket, head: Buffer, to: SiteDestination): Promise<void> {
    this.upgraded.add(socket);
    const release = this.tunnels.hold(workspaceOf(to.container));
    const stopHeartbeat = to.site.port === null ? this.heartbeat.follow(to.container) : (): void => undefined;
    socket.once('close', () => {
      this.upgraded.delete(socket);
      release();
      stopHeartbeat();
    });
    try {
      await this.prepare(request, to);
      request.url = to.path;
      removeConnectionHeaders(request.headers);
      const options = { target: TUNNEL_ORIGIN, agent: this.clients(to).agent };
      const before = socket.bytesWritten;
      this.upgrades.ws(request, socket, head, options, (error) => {
        // After the upgrade, the connection no longer carries HTTP responses.
        if (socket.bytesWritten > before) socket.destroy();
        else this.handleFailure(error, request, socket, to);
      });
    } catch (error) {
      this.handleFailure(error, request, socket, to);
    }
  }

  /** The HTTP server closes only when all its connections have ended, including upgraded ones. */
  beforeApplicationShutdown(): void {
    for (const socket of this.upgraded) socket.destroy();
  }

  /** A port that refuses a request without TLS is asked again with TLS, if it speaks that. */
  private async forward(request: IncomingMessage, response: ServerResponse, to: SiteDestination): Promise<void> {
    const { site, container } = to;
    const workspace = workspaceOf(container);
    const mayHaveTls = site.port !== null && !this.tunnels.hasTls(workspace, site.port);
    const options = { ...to, onBody: this.garbage.count };
    try {
      const expectsTls = mayHaveTls && !hasBody(request);
      await forward(request, response, { ...options, expectsTls, dispatcher: this.clients(to).pool });
    } catch (error) {
      const canBeRepeated = mayHaveTls && !response.headersSent && mayExpectTls(error);
      if (!canBeRepeated) throw error;
      const found = await this.tunnels.findTls(workspace, site.port!);
      // A body that was read cannot be sent again; the next request uses TLS.
      if ((!found && !(error instanceof UnexpectedProtocolError)) || hasBody(request)) throw error;
      await forward(request, response, { ...options, dispatcher: this.clients(to).pool });
    }
  }

  private clients({ site, container }: SiteDestination): ReturnType<Tunnels['clients']> {
    return this.tunnels.clients(workspaceOf(container), site.port ?? 'editor');
  }

  private async prepare(request: IncomingMessage, { site, container }: SiteDestination): Promise<void> {
    if (site.port === null) await this.launcher.ensure(container);
    this.removeCredentials(request, site);
  }

  /** An `Authorization` header for the program on a port is forwarded, unless it contains DevForge's token or an API key. */
  private removeCredentials({ headers }: IncomingMessage, site: Site): void {
    const { authorization } = headers;
    const isOwn = (text: string): boolean => this.token.matches(text) || parseApiKey(text) !== undefined;
    if (authorization !== undefined && (site.port === null || containsToken(authorization, isOwn)))
      delete headers.authorization;
    const cookie = withoutOwnCookies(headers.cookie);
    if (cookie === undefined) delete headers.cookie;
    else headers.cookie = cookie;
  }

  private handleFailure(
    error: unknown,
    request: IncomingMessage,
    target: ServerResponse | Duplex,
    { site, container }: SiteDestination,
  ): void {
    if (site.port === null) this.launcher.forgetStart(container);
    else this.tunnels.forgetTls(workspaceOf(container), site.port);
    this.logger.debug({ err: error, containerId: container.id, port: site.port }, 'A site did not answer');
    if (target.destroyed) return;
    if (error instanceof errors.HeadersOverflowError)
      return sendError(target, 502, `The response has headers of more than ${MAX_HEADER_BYTES / 1024} kB.`);
    const title = site.port === null ? 'VS Code is starting' : `Nothing listens on port ${site.port} yet`;
    const text =
      error instanceof ConnectionRefusedError
        ? 'This page reloads by itself until it answers.'
        : error instanceof DomainError
          ? `${error.message} This page reloads by itself.`
          : 'The connection to it broke. This page reloads by itself.';
    sendWaitingPage(request, target, { title, text });
  }
}

/** What http-proxy-3 does for other requests only. */
function prepareUpgrade(upgrade: ClientRequest): void {
  Object.assign(upgrade, { maxHeaderSize: MAX_HEADER_BYTES });
  for (const event of ['upgrade', 'response'])
    upgrade.prependListener(event, ({ headers }: IncomingMessage) => restrictCookies(headers));
}
