import { Injectable } from '@nestjs/common';
import { lt, sql } from 'drizzle-orm';
import { Database } from '../database.js';
import { RateLimitCountsRepository } from './rate-limit-counts.repository.js';
import { rateLimitCounts } from './rate-limits.schema.js';

@Injectable()
export class DrizzleRateLimitCountsRepository extends RateLimitCountsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async add(counts: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    if (counts.size === 0) return new Map();
    // In one order everywhere, so that two processes cannot lock each other out.
    const keys = [...counts.keys()].toSorted();
    const rows = await this.database.orm
      .insert(rateLimitCounts)
      .values(keys.map((key) => ({ key, total: counts.get(key)!, updatedAt: sql`now()` })))
      .onConflictDoUpdate({
        target: rateLimitCounts.key,
        set: { total: sql`${rateLimitCounts.total} + excluded.total`, updatedAt: sql`now()` },
      })
      .returning({ key: rateLimitCounts.key, total: rateLimitCounts.total });
    return new Map(rows.map(({ key, total }) => [key, total]));
  }

  async removeUnused(seconds: number): Promise<void> {
    await this.database.orm
      .delete(rateLimitCounts)
      .where(lt(rateLimitCounts.updatedAt, sql`now() - make_interval(secs => ${seconds})`));
  }
}
