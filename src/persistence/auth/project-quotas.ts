import { and, count, eq, isNull, ne, sql, sum } from 'drizzle-orm';
import type { Queries, Transaction } from '../containers/idempotency-keys.js';
import { containers } from '../containers/containers.schema.js';
import { type ExceededQuota, type ProjectQuotas, type ProjectUsage, QUOTAS } from '../types.js';
import { projects } from './auth.schema.js';

type Usage = Partial<ProjectUsage>;

/** What the containers of a project use. A container counts as running from when it should run. */
export async function usageOf(on: Queries, projectId: string): Promise<ProjectUsage> {
  const [row] = await on
    .select({
      containers: count(),
      running: sql`count(*) filter (where ${containers.desiredRunning})`.mapWith(Number),
      cpu: sum(containers.cpuLimit).mapWith(Number),
      memoryMB: sum(containers.memoryLimit).mapWith(Number),
      diskMB: sum(containers.diskLimit).mapWith(Number),
    })
    .from(containers)
    .where(and(eq(containers.projectId, projectId), isNull(containers.deletedAt)));
  return {
    containers: row!.containers,
    running: row!.running,
    cpu: row!.cpu ?? 0,
    memoryMB: row!.memoryMB ?? 0,
    diskMB: row!.diskMB ?? 0,
  };
}

/**
 * Whether a project may use that much more, at the moment.
 * @returns the first quota that would be exceeded, or null
 */
export async function exceededQuota(on: Queries, projectId: string, more: Usage): Promise<ExceededQuota | null> {
  const project = on.select({ quotas: projects.quotas }).from(projects).where(eq(projects.id, projectId));
  return compare(on, projectId, more, await project);
}

/**
 * The same, but true until the transaction ends: a project with quotas stays locked, so that requests are counted one by one.
 */
export async function exceededQuotaLocked(
  tx: Transaction,
  projectId: string,
  more: Usage,
): Promise<ExceededQuota | null> {
  const withQuotas = and(eq(projects.id, projectId), ne(projects.quotas, {}));
  const locked = tx.select({ quotas: projects.quotas }).from(projects).where(withQuotas).for('no key update');
  return compare(tx, projectId, more, await locked);
}

async function compare(
  on: Queries,
  projectId: string,
  more: Usage,
  [project]: { quotas: ProjectQuotas }[],
): Promise<ExceededQuota | null> {
  if (project === undefined || Object.keys(project.quotas).length === 0) return null;
  const usage = await usageOf(on, projectId);
  for (const quota of QUOTAS) {
    const limit = project.quotas[quota];
    const [used, added] = [usage[quota], more[quota] ?? 0];
    // Fractions of cores are compared in thousandths, the precision of cpuLimit.
    if (limit !== undefined && added > 0 && Math.round((used + added) * 1_000) > Math.round(limit * 1_000))
      return { quota, limit, used };
  }
  return null;
}
