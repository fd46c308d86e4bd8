import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { createServer, type Server as HttpServer } from 'node:http';
import { listening } from '../../../test/support/api/listening.js';
import { until } from '../../../test/support/e2e/until.js';
import { RefusalLog } from '../../auth/audit/refusal-log.js';
import { Authenticator, type Presented } from '../../auth/authenticator.js';
import type { Identity } from '../../auth/principal.js';
import { Revocation } from '../../auth/revocation.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { ErrorTranslators } from '../../common/errors/error-translators.js';
import { Settings } from '../../config/settings.js';
import { ClientAddresses } from '../../http/client-addresses.js';
import { RateLimiter } from '../../rate-limits/rate-limiter.js';
import { ClusterTransport } from '../cluster/cluster-transport.js';
import { SocketCounters } from '../socket-counters.js';
import { SocketUsages } from '../socket-usage.js';
import type { TypedServer } from '../typed-socket.js';
import { DevForgeIoAdapter } from './devforge-io.adapter.js';

const CONNECT = '40{"token":"good"}';
const WRONG = '40{"token":"wrong"}';
const DISCONNECT = '41';
const IDENTITY: Identity = {
  kind: 'service',
  id: 'key:1',
  name: 'service',
  roles: new Map([['p', 'member']]),
  credential: { kind: 'api_key', id: '1' },
};

/** A client that sends packets as it likes. */
class RawClient {
  readonly received: string[] = [];
  isClosed = false;

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => this.received.push(String(data)));
    socket.addEventListener('close', () => (this.isClosed = true));
  }

  static async open(port: number): Promise<RawClient> {
    const client = new RawClient(new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`));
    await until('the handshake of the connection', () => client.received.length > 0);
    return client;
  }

  send(...packets: string[]): void {
    for (const packet of packets) this.socket.send(packet);
  }

  answers(start: string): string[] {
    return this.received.filter((packet) => packet.startsWith(start));
  }

  close(): void {
    this.socket.close();
  }
}

describe('DevForgeIoAdapter', () => {
  const concurrencyLimits = { sockets: 10, subscriptions: 10, queued: 10 };
  let http: HttpServer;
  let io: TypedServer;
  let port: number;
  let usages: SocketUsages;
  let counters: SocketCounters;
  let messages: number;
  let authentications: number;
  /** What authentication waits for. */
  let gate: Promise<void>;
  const clients: RawClient[] = [];

  beforeEach(async () => {
    concurrencyLimits.sockets = 10;
    messages = 100;
    authentications = 0;
    gate = Promise.resolve();
    const settings = { corsOrigins: ['*'], concurrencyLimits } as Settings;
    usages = new SocketUsages(settings);
    counters = new SocketCounters();
    const authenticate = async ({ token }: Presented): Promise<Identity> => {
      authentications += 1;
      await gate;
      if (token !== 'good') throw new DomainError('unauthorized', 'No.');
      return IDENTITY;
    };
    const provided = new Map<unknown, unknown>([
      [Settings, settings],
      [Authenticator, { authenticate }],
      [ClusterTransport, {}],
      [SocketCounters, counters],
      [ErrorTranslators, []],
      [RateLimiter, { take: () => ({ allowed: messages-- > 0 }) }],
      [SocketUsages, usages],
      [ClientAddresses, { of: () => '127.0.0.1' }],
      [RefusalLog, { onError: () => undefined }],
      [Revocation, { watch: () => () => undefined }],
    ]);
    http = createServer();
    const app = Object.assign(http, { get: (token: unknown) => provided.get(token) });
    io = new DevForgeIoAdapter(app as unknown as INestApplication).createIOServer(0);
    port = await listening(http);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await io.close();
  });

  const open = async (): Promise<RawClient> => {
    const client = await RawClient.open(port);
    clients.push(client);
    return client;
  };
  const connected = async (client: RawClient): Promise<void> => {
    await until('the socket', () => client.answers('40').length > 0);
  };
  const closed = (client: RawClient): Promise<unknown> => until('the end of the connection', () => client.isClosed);

  it('closes a connection when its socket is disconnected', async () => {
    const client = await open();
    client.send(CONNECT);
    await connected(client);
    client.send(DISCONNECT);
    await closed(client);
    expect(authentications).toBe(1);
    await until('none to be counted', () => usages.of(IDENTITY.id).sockets === 0 && counters.connected === 0);
  });

  it('gives a connection one socket, however many it asks for at once', async () => {
    const client = await open();
    client.send(CONNECT, CONNECT, CONNECT);
    await closed(client);
    expect(authentications).toBe(1);
    await until('none to be counted', () => usages.of(IDENTITY.id).sockets === 0 && counters.connected === 0);
  });

  it.each([
    ['with a wrong token', WRONG],
    ['to namespaces that there are not', '40/other,'],
  ])('closes a connection that tries to connect again and again %s', async (_, packet) => {
    const client = await open();
    for (let at = 1; at <= 3; at += 1) {
      client.send(packet);
      await until('the refusal', () => client.answers('44').length === at);
    }
    client.send(packet);
    await closed(client);
    expect(client.answers('44')).toHaveLength(3);
  });

  it('lets a client try again with another token', async () => {
    const client = await open();
    client.send(WRONG);
    await until('the refusal', () => client.answers('44').length > 0);
    client.send(CONNECT);
    await connected(client);
    expect(client.isClosed).toBe(false);
  });

  it('counts a connect among the messages of the principal', async () => {
    messages = 1;
    const [first, second] = [await open(), await open()];
    first.send(CONNECT);
    await connected(first);
    second.send(CONNECT);
    await until('the refusal', () => second.answers('44').length > 0);
    expect(second.answers('44')[0]).toContain('too_many_requests');
  });

  it('opens no more sockets than allowed when many connect at once', async () => {
    concurrencyLimits.sockets = 2;
    const many = await Promise.all(Array.from({ length: 6 }, open));
    let proceed = (): void => undefined;
    gate = new Promise((resolve) => (proceed = resolve));
    for (const client of many) client.send(CONNECT);
    await until('all to ask', () => authentications === 6);
    proceed();
    await until('all to be answered', () => many.every((client) => client.isClosed || client.received.length > 1));
    await until('two to be counted', () => usages.of(IDENTITY.id).sockets === 2);
    expect(io.of('/').sockets.size).toBe(2);
  });
});
