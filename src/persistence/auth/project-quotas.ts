import { and, count, eq, isNull, ne, type Placeholder, sql, type SQL, sum } from 'drizzle-orm';
import type { Queries, Transaction } from '../containers/idempotency-keys.js';
import { containers } from '../containers/containers.schema.js';
import { instructions } from '../instructions/instructions.schema.js';
import { snapshots } from '../snapshots/snapshots.schema.js';
import { type BoundStatement, StatementText } from '../statement-text.js';
import { type ExceededQuota, type ProjectQuotas, type ProjectUsage, type Quota, QUOTA_NAMES } from '../types.js';
import { projects } from './auth.schema.js';

type Usage = Partial<ProjectUsage>;

/** What each quota counts. A container counts as running from when it should run. */
const COUNTED = {
  containers: () => sql`${count()}`,
  running: () => sql`count(*) filter (where ${containers.desiredRunning})`,
  cpu: () => sql`coalesce(${sum(containers.cpuLimit)}, 0)`,
  memoryMB: () => sql`coalesce(${sum(containers.memoryLimit)}, 0)`,
  diskMB: () => sql`coalesce(${sum(containers.diskLimit)}, 0)`,
  // The statuses are in the text, so that the plan can use the index of unfinished instructions.
  instructions: (projectId) =>
    sql`(select ${count()} from ${instructions} where ${eq(instructions.projectId, projectId)} and ${instructions.status} in ('queued', 'running'))`,
  snapshotMB: (projectId) =>
    sql`(select coalesce(ceil(${sum(snapshots.bytes)} / 1048576), 0) from ${snapshots} where ${eq(snapshots.projectId, projectId)} and ${snapshots.purpose} = 'kept')`,
} satisfies Record<Quota, (projectId: string | Placeholder) => SQL>;

const LOCKED_USAGE = lockedUsageStatements();

export async function usageOf(on: Queries, projectId: string): Promise<ProjectUsage> {
  const columns = QUOTA_NAMES.map((quota) => [quota, COUNTED[quota](projectId).mapWith(Number).as(quota)]);
  const [row] = await on
    .select(Object.fromEntries(columns) as Record<Quota, SQL.Aliased<number>>)
    .from(containers)
    .where(isLiveIn(projectId));
  return row!;
}

/**
 * Whether a project may use that much more, at the moment.
 * @returns the first quota that would be exceeded, or null
 */
export async function exceededQuota(on: Queries, projectId: string, more: Usage): Promise<ExceededQuota | null> {
  const project = on.select({ quotas: projects.quotas }).from(projects).where(eq(projects.id, projectId));
  return exceededOf(on, projectId, more, await project);
}

/**
 * The same, but true until the transaction ends: a project with quotas stays locked, so that requests are counted one by one.
 */
export async function exceededQuotaLocked(
  tx: Transaction,
  projectId: string,
  more: Usage,
): Promise<ExceededQuota | null> {
  const locked = tx.select({ quotas: projects.quotas }).from(projects).where(hasQuotas(projectId)).for('no key update');
  return exceededOf(tx, projectId, more, await locked);
}

/** Statements that lock a project with quotas and read what it uses, for a transaction that begins with them. */
export function lockedUsage(projectId: string): BoundStatement[] {
  return LOCKED_USAGE.map((statement) => statement.bind({ projectId }));
}

/** @param rows what the statements of {@link lockedUsage} have returned, one after the other */
export function exceededBy(more: Usage, rows: readonly Record<string, unknown>[]): ExceededQuota | null {
  const [project, usage] = rows;
  if (project === undefined || usage === undefined || !('quotas' in project)) return null;
  const used = Object.fromEntries(QUOTA_NAMES.map((quota) => [quota, Number(usage[quota])])) as unknown as ProjectUsage;
  return compare(project['quotas'] as ProjectQuotas, used, more);
}

async function exceededOf(
  on: Queries,
  projectId: string,
  more: Usage,
  [project]: { quotas: ProjectQuotas }[],
): Promise<ExceededQuota | null> {
  if (project === undefined || Object.keys(project.quotas).length === 0) return null;
  return compare(project.quotas, await usageOf(on, projectId), more);
}

function compare(quotas: ProjectQuotas, usage: ProjectUsage, more: Usage): ExceededQuota | null {
  for (const quota of QUOTA_NAMES) {
    const limit = quotas[quota];
    const [used, added] = [usage[quota], more[quota] ?? 0];
    // Fractions of cores are compared in thousandths, the precision of cpuLimit.
    if (limit !== undefined && added > 0 && Math.round((used + added) * 1_000) > Math.round(limit * 1_000))
      return { quota, limit, used };
  }
  return null;
}

function isLiveIn(projectId: string | Placeholder): SQL | undefined {
  return and(eq(containers.projectId, projectId), isNull(containers.deletedAt));
}

function hasQuotas(projectId: string | Placeholder): SQL | undefined {
  return and(eq(projects.id, projectId), ne(projects.quotas, {}));
}

function lockedUsageStatements(): StatementText[] {
  const projectId = sql.placeholder('projectId');
  const project = sql`from ${projects} where ${hasQuotas(projectId)}`;
  const usage = sql.join(
    QUOTA_NAMES.map((quota) => sql`${COUNTED[quota](projectId)} as ${sql.identifier(quota)}`),
    sql`, `,
  );
  return [
    new StatementText(sql`select ${projects.quotas} ${project} for no key update`),
    new StatementText(
      sql`select ${usage} from ${containers} where ${isLiveIn(projectId)} and exists (select ${project})`,
    ),
  ];
}
