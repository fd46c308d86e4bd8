import { createAdapter } from '@socket.io/redis-adapter';
import { type Command, Redis, type RedisOptions } from 'ioredis';
import type { PinoLogger } from 'nestjs-pino';
import type { ServerOptions } from 'socket.io';
import { MonitoredTransport } from './monitored-transport.js';

const CHANNEL_PREFIX = 'devforge:socket.io';
const COMMAND_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

/** The adapter waits for no command, so what fails of them would end the process as a rejection that nobody handles. */
class ForgivingRedis extends Redis {
  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    const result = super.sendCommand(...sent);
    (sent[0] as Command).promise.catch(() => undefined);
    return result;
  }
}

/** Redis's channels. */
export class RedisTransport extends MonitoredTransport {
  readonly adapter: NonNullable<ServerOptions['adapter']>;
  private readonly publisher: Redis;
  private readonly subscriber: Redis;

  constructor(url: string, logger: PinoLogger) {
    super('Redis', logger);
    const options: RedisOptions = { keepAlive: KEEP_ALIVE_MS, connectionName: 'devforge-replicas' };
    // What cannot be told at once is out of date when it can.
    this.publisher = new ForgivingRedis(url, {
      ...options,
      enableOfflineQueue: false,
      commandTimeout: COMMAND_TIMEOUT_MS,
    });
    // The ready check fails on a connection that subscribed before it was over, and the subscriptions are lost with it.
    this.subscriber = new ForgivingRedis(url, { ...options, maxRetriesPerRequest: null, enableReadyCheck: false });
    this.publisher.on('error', (error) =>
      logger.debug({ err: error }, 'The connection that tells the other replicas has a problem'),
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

/** Channels are the same for all databases of a Redis, and DevForges on two of them are none of each other's business. */
function channelPrefix({ db }: RedisOptions): string {
  return `${CHANNEL_PREFIX}:${db ?? 0}`;
}
