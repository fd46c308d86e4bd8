import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'socket.io';
import { AdminToken } from '../../auth/admin-token.js';
import { ADMINISTRATOR } from '../../auth/principal.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { Settings } from '../../config/settings.js';
import { MessageBudget, TERMINAL_INPUT_RATE } from './message-budget.js';
import { Outbox } from '../outbox.js';
import { ReplicatedEvents } from '../cluster/replicated-events.js';
import { ClusterTransport } from '../cluster/cluster-transport.js';
import type { ClientToServerEvents } from '../socket-events.js';
import { SocketCounters } from '../socket-counters.js';
import { transportOf } from './socket-transport.js';
import type { TypedServer, TypedSocket } from '../typed-socket.js';

const LARGEST_MESSAGE_BYTES = 128 * 1024;
const PING = { pingInterval: 20_000, pingTimeout: 20_000 };

/** Names of the events that have a handler; typed so that a forgotten one does not compile. */
const EVENTS: Record<keyof ClientToServerEvents, true> = {
  'subscribe:metrics': true,
  'unsubscribe:metrics': true,
  'subscribe:status': true,
  'unsubscribe:status': true,
  'subscribe:logs': true,
  'unsubscribe:logs': true,
  'subscribe:instruction': true,
  'unsubscribe:instruction': true,
  'terminal:open': true,
  'terminal:input': true,
  'terminal:resize': true,
  'terminal:detach': true,
  'terminal:close': true,
};

/** Keys, the movements of a mouse and the dragging of a window's corner come one by one. */
const TYPED: ReadonlySet<string> = new Set<keyof ClientToServerEvents>(['terminal:input', 'terminal:resize']);

/** The Socket.io server: who may connect, how fast clients may talk, and what each connection carries. */
export class DevForgeIoAdapter extends IoAdapter {
  private readonly settings: Settings;
  private readonly token: AdminToken;
  private readonly link: ClusterTransport;
  private readonly replicas: ReplicatedEvents;
  private readonly tally: SocketCounters;

  constructor(app: INestApplication) {
    super(app);
    this.settings = app.get(Settings);
    this.token = app.get(AdminToken);
    this.link = app.get(ClusterTransport);
    this.replicas = app.get(ReplicatedEvents);
    this.tally = app.get(SocketCounters);
  }

  override createIOServer(port: number, options?: ServerOptions): TypedServer {
    const { adapter } = this.link;
    const server = super.createIOServer(port, {
      ...options,
      ...PING,
      ...(adapter === undefined ? {} : { adapter }),
      maxHttpBufferSize: LARGEST_MESSAGE_BYTES,
      serveClient: false,
      cors: { origin: this.settings.corsOrigins.includes('*') ? '*' : this.settings.corsOrigins },
      // The option above answers preflights; a browser opens a WebSocket from any page without one.
      allowRequest: (request: IncomingMessage, decide: (error: string | null, allowed: boolean) => void) =>
        decide(null, this.isAllowedOrigin(request.headers.origin)),
    } as ServerOptions) as TypedServer;
    server.use((socket, next) => this.admit(socket, next));
    server.on('connection', (socket) => this.watch(socket));
    if (adapter !== undefined) this.replicas.join(server);
    return server;
  }

  /** Programs send no Origin; browsers always do. */
  private isAllowedOrigin(origin: string | undefined): boolean {
    return (
      origin === undefined || this.settings.corsOrigins.includes('*') || this.settings.corsOrigins.includes(origin)
    );
  }

  private admit(socket: TypedSocket, next: (error?: Error) => void): void {
    const token: unknown = socket.handshake.auth['token'];
    if (typeof token !== 'string' || !this.token.matches(token)) {
      const refusal = new DomainError('unauthorized', 'Send the token as auth.token in the handshake.');
      return next(
        Object.assign(new Error(refusal.message), { data: { code: refusal.code, message: refusal.message } }),
      );
    }
    socket.data.principal = ADMINISTRATOR;
    next();
  }

  private watch(socket: TypedSocket): void {
    socket.data.outbox = new Outbox(this.tally.instrument(transportOf(socket)));
    this.tally.connected += 1;
    socket.on('disconnect', () => (this.tally.connected -= 1));
    const now = (): number => performance.now();
    const budget = new MessageBudget(now);
    const typingBudget = new MessageBudget(now, TERMINAL_INPUT_RATE);
    socket.use(([event, ...rest], next) => {
      const ack: unknown = rest.at(-1);
      const refuse = (error: DomainError): void => {
        if (typeof ack === 'function') ack({ ok: false, error: { code: error.code, message: error.message } });
      };
      if (!(TYPED.has(event) ? typingBudget : budget).spend())
        return refuse(new DomainError('too_many_requests', 'This connection sends too many messages.'));
      if (!Object.hasOwn(EVENTS, event))
        return refuse(new DomainError('unknown_event', `There is no event "${String(event).slice(0, 64)}".`));
      next();
    });
  }
}
