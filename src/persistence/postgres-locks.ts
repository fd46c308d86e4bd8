import { Injectable } from '@nestjs/common';
import { Database } from './database.js';
import { Locks } from './locks.js';

/** Session-level advisory locks, which PostgreSQL releases when the connection ends. */
@Injectable()
export class PostgresLocks extends Locks {
  constructor(private readonly database: Database) {
    super();
  }

  async withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const client = await this.database.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [name]);
      return await work();
    } finally {
      await client
        .query('select pg_advisory_unlock(hashtextextended($1, 0))', [name])
        .catch((error: Error) => (broken = error));
      client.release(broken);
    }
  }
}
