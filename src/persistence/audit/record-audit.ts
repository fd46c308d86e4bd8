import { eq } from 'drizzle-orm';
import { type Actor, currentContext, type RequestContext } from '../../common/request-context.js';
import type { Queries } from '../containers/idempotency-keys.js';
import { containers } from '../containers/containers.schema.js';
import type { AuditAction } from '../types.js';
import type { AuditEntry } from './audit-events.repository.js';
import { auditEvents } from './audit.schema.js';

type NewAuditEvent = typeof auditEvents.$inferInsert;

/**
 * Records what the current request does, in the transaction that does it. Background work has no actor and records nothing.
 * @param actor who it turns out to be, when the request came by no credential
 */
export async function recordAudit(on: Queries, entry: AuditEntry, actor?: Actor): Promise<void> {
  const context = currentContext();
  if (context === undefined) return;
  context.actor ??= actor;
  if (context.actor === undefined) return;
  const { action, target, projectId, details } = entry;
  await on.insert(auditEvents).values({
    ...callerOf(context),
    action,
    targetKind: target.kind,
    targetId: target.id,
    targetName: target.name,
    projectId,
    outcome: 'allowed',
    details: details ?? null,
  });
}

/** The same for something that is done to a container, of which only the id is known. */
export async function recordContainerAudit(
  on: Queries,
  action: AuditAction,
  id: string,
  details?: AuditEntry['details'],
): Promise<void> {
  if (currentContext()?.actor === undefined) return;
  const [row] = await on
    .select({ id: containers.id, name: containers.name, projectId: containers.projectId })
    .from(containers)
    .where(eq(containers.id, id));
  if (row !== undefined) await recordAudit(on, { ...containerEntry(action, row), details });
}

/** What is done to a container. */
export function containerEntry(
  action: AuditAction,
  { id, name, projectId }: { id: string; name: string; projectId: string },
): AuditEntry {
  return { action, target: { kind: 'container', id, name }, projectId };
}

/** The columns that tell who it was. */
export function callerOf({ actor, address, requestId }: RequestContext): Partial<NewAuditEvent> {
  return {
    actorKind: actor?.kind ?? null,
    actorId: actor?.id ?? null,
    actorName: actor?.name ?? null,
    credentialKind: actor?.credential.kind ?? null,
    credentialId: actor?.credential.id ?? null,
    address,
    requestId,
  };
}
