import type { OnApplicationShutdown } from '@nestjs/common';
import type { PinoLogger } from 'nestjs-pino';
import { Client } from 'pg';
import type { Clock } from '../common/time/clock.js';
import type { IdGenerator } from '../common/id-generator.js';
import type { Database } from './database.js';

const REANNOUNCE_MS = 1_000;
const lockOf = 'hashtextextended($1, 0)';
const keyOf = (holder: string): string => `devforge:process:${holder}`;

/**
 * The name under which this process holds leases. An advisory lock on a connection of its own shows that the process
 * lives: PostgreSQL releases it when the process dies, so that others can free its leases before they expire.
 */
export class Presence implements OnApplicationShutdown {
  readonly holder: string;
  private client: Client | undefined;
  private readonly stopped = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    ids: IdGenerator,
    private readonly logger: PinoLogger,
  ) {
    this.holder = ids.next();
  }

  /** Takes the advisory lock. Leases may be acquired afterwards. */
  async announce(): Promise<void> {
    const client = new Client({ ...this.database.config, keepAlive: true, application_name: 'devforge' });
    client.on('error', (error) =>
      this.logger.warn({ err: error }, 'The connection that shows the presence of this process broke'),
    );
    try {
      await client.connect();
      await client.query(`select pg_advisory_lock_shared(${lockOf})`, [keyOf(this.holder)]);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    client.once('end', () => void this.announceAgain());
    this.client = client;
  }

  /** Whether the process of this name has ended. */
  async hasEnded(holder: string): Promise<boolean> {
    if (holder === this.holder) return false;
    const { rows } = await this.database.pool.query<{ gone: boolean }>(
      // The lock is released at the end of the statement's transaction.
      `select pg_try_advisory_xact_lock(${lockOf}) as gone`,
      [keyOf(holder)],
    );
    return rows[0]?.gone ?? false;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    await this.client?.end();
  }

  private async announceAgain(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      await this.clock.sleep(REANNOUNCE_MS, this.stopped.signal);
      if (this.stopped.signal.aborted) return;
      try {
        return await this.announce();
      } catch (error) {
        this.logger.warn({ err: error }, 'The presence of this process cannot be announced yet');
      }
    }
  }
}
