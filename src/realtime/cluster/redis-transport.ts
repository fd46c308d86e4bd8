import { createAdapter } from '@socket.io/redis-adapter';
import { type Command, Redis, type RedisOptions } from 'ioredis';
import type { PinoLogger } from 'nestjs-pino';
import type { ServerOptions } from 'socket.io';
import { MonitoredTransport } from './monitored-transport.js';

const CHANNEL_PREFIX = 'devforge:socket.io';
const COMMAND_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

/** The adapter does not await its commands, so a failed one would end the process as an unhandled rejection. */
class NonRejectingRedis extends Redis {
  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    const result = super.sendCommand(...sent);
    (sent[0] as Command).promise.catch(() => undefined);
    return result;
  }
}

/** Sends messages by Redis Pub/Sub. */
export class RedisTransport extends MonitoredTransport {
  readonly adapter: NonNullable<ServerOptions['adapter']>;
  private readonly publisher: Redis;
  private readonly subscriber: Redis;

  constructor(url: string, logger: PinoLogger) {
    super('Redis', logger);
    const options: RedisOptions = { keepAlive: KEEP_ALIVE_MS, connectionName: 'devforge-replicas' };
    // A message that cannot be sent at once would be outdated later, so none is queued.
    this.publisher = new NonRejectingRedis(url, {
      ...options,
      enableOfflineQueue: false,
      commandTimeout: COMMAND_TIMEOUT_MS,
    });
    // The ready check fails on a connection that has subscribed before the check is done, and its subscriptions are lost.
    this.subscriber = new NonRejectingRedis(url, { ...options, maxRetriesPerRequest: null, enableReadyCheck: false });
    this.publisher.on('error', (error) =>
      logger.debug({ err: error }, 'The connection that publishes to the other replicas has a problem'),
    );
    this.subscriber.on('error', (error) => this.lost(error));
    this.subscriber.on('close', () => this.lost());
    this.subscriber.on('ready', () => this.connected());
    this.adapter = createAdapter(this.publisher, this.subscriber, {
      key: channelPrefix(this.subscriber.options),
    }) as unknown as typeof this.adapter;
  }

  override async close(): Promise<void> {
    await super.close();
    this.publisher.disconnect();
    this.subscriber.disconnect();
  }
}

/** Redis channels span all databases of a server, so the database number keeps independent installations apart. */
function channelPrefix({ db }: RedisOptions): string {
  return `${CHANNEL_PREFIX}:${db ?? 0}`;
}
