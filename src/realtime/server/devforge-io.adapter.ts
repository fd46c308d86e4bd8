import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { RefusalLog } from '../../auth/audit/refusal-log.js';
import { targetOfPayload } from '../../auth/audit/request-target.js';
import { Authenticator } from '../../auth/authenticator.js';
import { soleProjectOf } from '../../auth/principal.js';
import { Revocation } from '../../auth/revocation.js';
import { TokenBucket } from '../../common/concurrency/token-bucket.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { ErrorTranslators } from '../../common/errors/error-translators.js';
import { type RequestContext, runInContext } from '../../common/request-context.js';
import { Settings } from '../../config/settings.js';
import { ClientAddresses } from '../../http/client-addresses.js';
import { toDomainError } from '../../http/problem.js';
import { EVENT_PERMISSIONS, isClientEvent } from '../event-permissions.js';
import { principalOf } from '../principal-of.js';
import { ConnectAttempts } from './connect-attempts.js';
import { REQUEST_RATE, TERMINAL_INPUT_RATE } from './message-rates.js';
import { MAX_INPUT_MESSAGE_BYTES, MAX_MESSAGE_BYTES, MessageSizes, raiseMessageLimit } from './message-size.js';
import { Outbox } from '../outbox.js';
import { ReplicatedEvents } from '../cluster/replicated-events.js';
import { ClusterTransport } from '../cluster/cluster-transport.js';
import type { ClientToServerEvents } from '@devforge/contract';
import { RateLimiter } from '../../rate-limits/rate-limiter.js';
import { SocketCounters } from '../socket-counters.js';
import { SocketUsages } from '../socket-usage.js';
import { transportOf } from './socket-transport.js';
import type { TypedServer, TypedSocket } from '../typed-socket.js';

/** How long a connection may take until it sends the token. */
const HANDSHAKE_MS = 10_000;
const PING = { pingInterval: 20_000, pingTimeout: 20_000 };

/** Events that people cause with every key press, mouse move or window resize; they have a larger budget of their own. */
const TERMINAL_INPUT: ReadonlySet<string> = new Set<keyof ClientToServerEvents>(['terminal:input', 'terminal:resize']);

/** What a budget counts as one message of terminal input. */
const CHARACTERS_A_MESSAGE = 16 * 1024;

/** Configures the Socket.io server: authentication, allowed origins, rate limits and the outbox of each connection. */
export class DevForgeIoAdapter extends IoAdapter {
  private readonly settings: Settings;
  private readonly authenticator: Authenticator;
  private readonly transport: ClusterTransport;
  private readonly replicatedEvents: ReplicatedEvents;
  private readonly counters: SocketCounters;
  private readonly translators: ErrorTranslators;
  private readonly limiter: RateLimiter;
  private readonly usages: SocketUsages;
  private readonly revocation: Revocation;
  private readonly addresses: ClientAddresses;
  private readonly refusals: RefusalLog;

  constructor(app: INestApplication) {
    super(app);
    this.settings = app.get(Settings);
    this.authenticator = app.get(Authenticator);
    this.transport = app.get(ClusterTransport);
    this.replicatedEvents = app.get(ReplicatedEvents);
    this.counters = app.get(SocketCounters);
    this.translators = app.get(ErrorTranslators);
    this.limiter = app.get(RateLimiter);
    this.usages = app.get(SocketUsages);
    this.revocation = app.get(Revocation);
    this.addresses = app.get(ClientAddresses);
    this.refusals = app.get(RefusalLog);
  }

  override createIOServer(port: number, options?: ServerOptions): TypedServer {
    const { adapter } = this.transport;
    const server = super.createIOServer(port, {
      ...options,
      ...PING,
      ...(adapter === undefined ? {} : { adapter }),
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: HANDSHAKE_MS,
      serveClient: false,
      cors: { origin: this.settings.corsOrigins.includes('*') ? '*' : this.settings.corsOrigins },
      // `cors` only answers preflight requests, and a browser sends none before it opens a WebSocket.
      allowRequest: (request: IncomingMessage, decide: (error: string | null, allowed: boolean) => void) =>
        decide(null, this.isAllowedOrigin(request.headers.origin)),
    } as ServerOptions) as TypedServer;
    const attempts = new ConnectAttempts();
    attempts.watch(server);
    server.use(async (socket, next) => {
      const refusal = await runInContext(this.contextOf(socket), () => this.authenticate(socket));
      if (refusal !== undefined) attempts.refused(socket);
      next(refusal);
    });
    server.on('connection', (socket) => this.prepare(socket));
    if (adapter !== undefined) this.replicatedEvents.join(server);
    return server;
  }

  /** Browsers always send an Origin header; other clients may leave it out. */
  private isAllowedOrigin(origin: string | undefined): boolean {
    return (
      origin === undefined || this.settings.corsOrigins.includes('*') || this.settings.corsOrigins.includes(origin)
    );
  }

  /** @returns what the client is refused with */
  private async authenticate(socket: TypedSocket): Promise<Error | undefined> {
    try {
      const token: unknown = socket.handshake.auth['token'];
      const request = { method: 'SOCKET', headers: socket.handshake.headers };
      socket.data.identity = await this.authenticator.authenticate({ by: 'handshake', token, request });
      const { id } = socket.data.identity;
      if (!this.limiter.take('messages', id).allowed)
        throw new DomainError('too_many_requests', 'Too many messages: wait before you connect again.');
      this.usages.of(id).requireSocket();
      return undefined;
    } catch (error) {
      const { code, message } = toDomainError(error, this.translators);
      this.refusals.onError(code);
      return Object.assign(new Error(message), { data: { code, message } });
    }
  }

  private contextOf(socket: TypedSocket): RequestContext {
    const { onError } = this.refusals;
    return { address: this.addresses.of(socket.request), requestId: socket.id, permission: 'socket:connect', onError };
  }

  private prepare(socket: TypedSocket): void {
    socket.data.outbox = new Outbox(this.counters.instrument(transportOf(socket)));
    const { identity } = socket.data;
    const { id } = identity;
    const isOneTooMany = !this.usages.of(id).hasRoom;
    const caller = { ...this.contextOf(socket), actor: identity, projectId: soleProjectOf(identity) };
    socket.data.usage = this.usages.open(id);
    this.counters.connected += 1;
    const unwatch = this.revocation.watch(identity, () => socket.disconnect(true));
    socket.on('disconnect', () => {
      this.counters.connected -= 1;
      this.usages.close(id);
      unwatch();
      // Without its socket it would neither be counted nor end.
      socket.conn.close();
    });
    // Others have connected while this one was authenticated.
    if (isOneTooMany) return void socket.disconnect(true);
    const now = (): number => performance.now();
    const budget = new TokenBucket(now, REQUEST_RATE);
    const terminalBudget = new TokenBucket(now, TERMINAL_INPUT_RATE);
    raiseMessageLimit(socket.conn, MAX_INPUT_MESSAGE_BYTES);
    const sizes = new MessageSizes(socket.conn, MAX_INPUT_MESSAGE_BYTES);
    socket.use(([event, ...rest], next) => {
      const size = sizes.take();
      const ack: unknown = rest.at(-1);
      const refuse = (error: DomainError): void => {
        if (typeof ack === 'function') ack({ ok: false, error: { code: error.code, message: error.message } });
      };
      const isAllowed = TERMINAL_INPUT.has(event)
        ? terminalBudget.spend(Math.max(1, Math.ceil(size / CHARACTERS_A_MESSAGE)))
        : budget.spend() && this.limiter.take('messages', socket.data.identity.id).allowed;
      if (!isAllowed)
        return refuse(new DomainError('too_many_requests', 'Too many messages: wait before you send more.'));
      if (!isClientEvent(event))
        return refuse(new DomainError('unknown_event', `There is no event "${String(event).slice(0, 64)}".`));
      if (size > MAX_MESSAGE_BYTES && event !== 'terminal:input')
        return refuse(
          new DomainError('payload_too_large', `A message of "${event}" has at most ${MAX_MESSAGE_BYTES} bytes.`),
        );
      const asked = { permission: EVENT_PERMISSIONS[event], target: () => targetOfPayload(rest[0]) };
      runInContext({ ...caller, ...asked }, () => {
        try {
          principalOf(socket, event);
        } catch (error) {
          this.refusals.onError((error as DomainError).code);
          return refuse(error as DomainError);
        }
        next();
      });
    });
  }
}
