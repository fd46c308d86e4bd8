import { Injectable } from '@nestjs/common';
import { and, eq, inArray, lt, sql } from 'drizzle-orm';
import { Database } from '../../database.js';
import { type CountedFailures, SignInFailuresRepository } from './sign-in-failures.repository.js';
import { signInFailures } from './users.schema.js';

@Injectable()
export class DrizzleSignInFailuresRepository extends SignInFailuresRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async add(key: string, now: Date, windowMs: number): Promise<CountedFailures> {
    const begun = new Date(now.getTime() - windowMs);
    const hasEnded = sql`${signInFailures.windowStart} <= ${begun.toISOString()}::timestamptz`;
    const ended = this.database.orm
      .select({ key: signInFailures.key })
      .from(signInFailures)
      .where(lt(signInFailures.windowStart, begun))
      .for('update', { skipLocked: true });
    await this.database.orm.delete(signInFailures).where(inArray(signInFailures.key, ended));
    const [row] = await this.database.orm
      .insert(signInFailures)
      .values({ key, count: 1, windowStart: now })
      .onConflictDoUpdate({
        target: signInFailures.key,
        set: {
          count: sql`case when ${hasEnded} then 1 else ${signInFailures.count} + 1 end`,
          windowStart: sql`case when ${hasEnded} then excluded.window_start else ${signInFailures.windowStart} end`,
        },
      })
      .returning();
    return row!;
  }

  async takeBack(key: string, windowStart: Date): Promise<void> {
    await this.database.orm
      .update(signInFailures)
      .set({ count: sql`greatest(${signInFailures.count} - 1, 0)` })
      .where(and(eq(signInFailures.key, key), eq(signInFailures.windowStart, windowStart)));
  }
}
