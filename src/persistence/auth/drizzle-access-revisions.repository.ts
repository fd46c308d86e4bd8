import { Injectable } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import type { Queries } from '../containers/idempotency-keys.js';
import { Database } from '../database.js';
import { AccessRevisionsRepository } from './access-revisions.repository.js';
import { accessRevision } from './auth.schema.js';

@Injectable()
export class DrizzleAccessRevisionsRepository extends AccessRevisionsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async current(): Promise<number> {
    const [row] = await this.database.orm.select({ value: accessRevision.value }).from(accessRevision);
    return row?.value ?? 0;
  }
}

/** Raises the revision, in the transaction of the change that it tells of. */
export async function raiseAccessRevision(on: Queries): Promise<void> {
  await on
    .insert(accessRevision)
    .values({ id: 1, value: 1 })
    .onConflictDoUpdate({ target: accessRevision.id, set: { value: sql`${accessRevision.value} + 1` } });
}
