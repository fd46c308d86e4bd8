import { count, eq, ne, sql } from 'drizzle-orm';
import { type ClientBase, escapeLiteral } from 'pg';
import { auditEvents } from '../audit/audit.schema.js';
import { auditEventOf, containerEntry } from '../audit/record-audit.js';
import { projects } from '../auth/auth.schema.js';
import { exceededBy, lockedUsage } from '../auth/project-quotas.js';
import type { Begun, Database } from '../database.js';
import { violatedConstraint, violatedForeignKey } from '../database-error.js';
import { RowsInsertion } from '../rows-insertion.js';
import { type BoundStatement, StatementText } from '../statement-text.js';
import type { ContainerStatus } from '../types.js';
import { live, lockCredentials, lockKeptVolume, lockSnapshot } from './container-conditions.js';
import {
  type ContainerRow,
  demandOf,
  type IdempotencyKey,
  type InsertOutcome,
  type JobRow,
  type QueueLimit,
  QuotaExceededError,
} from './containers.repository.js';
import { containers, jobs } from './containers.schema.js';
import { claimKey, type Queries } from './idempotency-keys.js';

const INSERTION = new RowsInsertion('insert_container', [{ table: containers }, { table: jobs }]);
const AUDITED = new RowsInsertion('insert_audited_container', [
  { table: containers },
  { table: jobs },
  { table: auditEvents, without: ['id', 'at'] },
]);

const { placeholder } = sql;
const QUEUE_LOCK = new StatementText(sql`select pg_advisory_xact_lock(hashtextextended(${placeholder('lock')}, 0))`);
/** By the statuses that are counted. */
const counts = new Map<string, StatementText>();
const FORBIDS_OPEN = new StatementText(
  sql`select true as "forbidsOpen" from ${projects}
    where ${projects.id} = ${placeholder('projectId')} and ${projects.egress} @> '{"forbidOpen": true}'`,
);

export interface Insertion {
  container: ContainerRow;
  job: JobRow;
  key: IdempotencyKey | undefined;
  queue: QueueLimit | undefined;
}

/**
 * Inserts a container in two round trips, unless it has a key, a volume or credentials: locks, counts and rows; the commit. The rows are
 * taken back when the counts do not allow them.
 * @throws QuotaExceededError
 */
export async function insertContainer(database: Database, insertion: Insertion): Promise<InsertOutcome> {
  const { container, job, key, queue } = insertion;
  // The queue before the key, which others of the owner may wait for.
  const { ownerId, projectId } = container;
  const forbidsOpen = container.egress === 'open' ? [FORBIDS_OPEN.bind({ projectId })] : [];
  const first = [...countOfQueue(ownerId, queue), ...forbidsOpen, ...lockedUsage(projectId)];
  const { dataId, snapshotId, credentials } = container;
  const dependsOnMore = key !== undefined || dataId !== null || snapshotId !== null || credentials.length > 0;
  const ahead = dependsOnMore ? undefined : (client: ClientBase) => insertRows(client, container, job);
  try {
    return await database.transaction(first, (begun) => insertCounted(begun, insertion), ahead);
  } catch (error) {
    if (error instanceof QueueFull) return { kind: 'queue_full' };
    if (error instanceof OpenForbidden) return { kind: 'open_forbidden' };
    if (error instanceof VolumeNotFound) return { kind: 'volume_not_found' };
    if (error instanceof SnapshotNotFound) return { kind: 'snapshot_not_found' };
    if (error instanceof CredentialNotFound) return { kind: 'credential_not_found' };
    if (violatedConstraint(error) === 'containers_name') return { kind: 'name_taken' };
    if (violatedConstraint(error) === 'containers_data') return { kind: 'volume_in_use' };
    if (violatedForeignKey(error) !== undefined) return { kind: 'project_not_found' };
    throw error;
  }
}

/** Thrown to undo a transaction. */
class VolumeNotFound extends Error {}
/** Thrown to undo a transaction. */
class SnapshotNotFound extends Error {}
/** Thrown to undo a transaction. */
class CredentialNotFound extends Error {}
/** Thrown to undo a transaction. */
class QueueFull extends Error {}
/** Thrown to undo a transaction. */
class OpenForbidden extends Error {}

/** Statements that count the containers of an owner one transaction after the other. */
function countOfQueue(ownerId: string, queue: QueueLimit | undefined): BoundStatement[] {
  if (queue === undefined) return [];
  return [QUEUE_LOCK.bind({ lock: `creates of ${ownerId}` }), queuedIn(queue.states).bind({ ownerId })];
}

/** The statuses are in its text, so that the plan can use the index of containers that are being made. */
function queuedIn(states: readonly ContainerStatus[]): StatementText {
  const list = states.map(escapeLiteral).join();
  const known = counts.get(list);
  if (known !== undefined) return known;
  const queued = live(eq(containers.ownerId, placeholder('ownerId')), sql`${containers.status} in (${sql.raw(list)})`);
  const statement = new StatementText(sql`select ${count()}::int as queued from ${containers} where ${queued}`);
  counts.set(list, statement);
  return statement;
}

async function insertCounted(
  { client, tx, rows, ahead }: Begun,
  { container, job, key, queue }: Insertion,
): Promise<InsertOutcome> {
  const { id: containerId, ownerId, projectId, createdAt, dataId, snapshotId } = container;
  const target = { ownerId, scope: 'containers', containerId, createdAt };
  const known = key === undefined ? undefined : await claimKey(tx, target, key);
  if (known?.kind === 'replayed') return replayed(tx, known.row.containerId, projectId);
  if (known !== undefined) return known;
  // The errors undo the claim of the key, and the rows.
  if (queue !== undefined && Number(rows[1]![0]!['queued']) >= queue.max) throw new QueueFull();
  if (rows.flat().some((row) => 'forbidsOpen' in row)) throw new OpenForbidden();
  const exceeded = exceededBy(demandOf(container), rows.slice(-2).flat());
  if (exceeded !== null) throw new QuotaExceededError(exceeded);
  if (dataId !== null && !(await lockKeptVolume(tx, dataId, [projectId]))) throw new VolumeNotFound();
  if (snapshotId !== null && !(await lockSnapshot(tx, snapshotId, projectId))) throw new SnapshotNotFound();
  if (!(await lockCredentials(tx, container.credentials))) throw new CredentialNotFound();
  if (ahead === undefined) await insertRows(client, container, job);
  else if (ahead.status === 'rejected') throw ahead.reason;
  return { kind: 'inserted' };
}

/** Without a project in the body, the same body may mean another project by now. */
async function replayed(tx: Queries, containerId: string, projectId: string): Promise<InsertOutcome> {
  const elsewhere = live(eq(containers.id, containerId), ne(containers.projectId, projectId));
  return (await tx.$count(containers, elsewhere)) > 0 ? { kind: 'key_reused' } : { kind: 'replayed', containerId };
}

/** Inserts the container, its first job and what is recorded of it in one statement. */
function insertRows(client: ClientBase, container: ContainerRow, job: JobRow): Promise<void> {
  const event = auditEventOf({
    ...containerEntry('container.create', container),
    // A key of the operator, which reaches what no credential of the project does.
    details: container.sshKeyPath === null ? undefined : { sshKeyPath: container.sshKeyPath },
  });
  return event === undefined ? INSERTION.run(client, [container, job]) : AUDITED.run(client, [container, job, event]);
}
