import { Injectable } from '@nestjs/common';
import { and, count, eq, exists, isNull, sql, type SQL } from 'drizzle-orm';
import type { JobPatch, JobRow, Lease } from './containers.repository.js';
import { Database } from '../database.js';
import { RowsSelection } from '../rows-selection.js';
import { JobsRepository } from './jobs.repository.js';
import { containers, jobs } from './containers.schema.js';
import type { JobName, JobState, Scope } from '../types.js';
import { inProjects } from '../in-projects.js';

const BY_IDS = new RowsSelection('jobs_by_ids', jobs, sql`where ${jobs.id} = any(${sql.placeholder('ids')})`);

@Injectable()
export class DrizzleJobsRepository extends JobsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async findById(id: string, scope: Scope): Promise<JobRow | null> {
    const [row] = await this.database.orm
      .select()
      .from(jobs)
      .where(and(eq(jobs.id, id), inProjects(jobs.projectId, scope)));
    return row ?? null;
  }

  async findByIds(ids: string[]): Promise<JobRow[]> {
    return ids.length === 0 ? [] : BY_IDS.run(this.database.pool, { ids });
  }

  async countUnfinished(): Promise<{ name: JobName; state: JobState; count: number }[]> {
    // The queue in which a job waits, or whose worker runs it, depends on the status of its container.
    const name = sql<JobName>`case when ${containers.status} = 'cloning' then 'clone' else 'create' end`;
    return this.database.orm
      .select({ name, state: jobs.state, count: count() })
      .from(jobs)
      .innerJoin(containers, eq(jobs.containerId, containers.id))
      .where(isNull(jobs.finishedAt))
      .groupBy(name, jobs.state);
  }

  async update(id: string, patch: JobPatch, lease?: Lease): Promise<JobRow | null> {
    const [row] = await this.database.orm
      .update(jobs)
      .set({ ...patch, updatedAt: sql`now()` })
      .where(and(eq(jobs.id, id), lease === undefined ? undefined : this.held(lease)))
      .returning();
    return row ?? null;
  }

  private held({ containerId, holder, fence }: Lease): SQL {
    const holds = and(eq(containers.id, containerId), eq(containers.leaseHolder, holder), eq(containers.fence, fence));
    return exists(this.database.orm.select({ id: containers.id }).from(containers).where(holds));
  }
}
