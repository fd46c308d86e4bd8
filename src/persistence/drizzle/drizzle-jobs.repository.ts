import { Injectable } from '@nestjs/common';
import { eq, inArray, sql } from 'drizzle-orm';
import type { JobPatch, JobRow } from '../containers.repository.js';
import { Database } from '../database.js';
import { JobsRepository } from '../jobs.repository.js';
import { jobs } from '../schema.js';

@Injectable()
export class DrizzleJobsRepository extends JobsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async findById(id: string): Promise<JobRow | null> {
    const [row] = await this.database.orm.select().from(jobs).where(eq(jobs.id, id));
    return row ?? null;
  }

  async findByIds(ids: string[]): Promise<JobRow[]> {
    return ids.length === 0 ? [] : this.database.orm.select().from(jobs).where(inArray(jobs.id, ids));
  }

  async update(id: string, patch: JobPatch): Promise<JobRow | null> {
    const [row] = await this.database.orm
      .update(jobs)
      .set({ ...patch, updatedAt: sql`now()` })
      .where(eq(jobs.id, id))
      .returning();
    return row ?? null;
  }
}
