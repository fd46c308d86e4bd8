import { eq } from 'drizzle-orm';
import { type Actor, currentContext, type RequestContext } from '../../common/request-context.js';
import type { Queries } from '../containers/idempotency-keys.js';
import { containers } from '../containers/containers.schema.js';
import type { AuditAction } from '../types.js';
import type { AuditEntry } from './audit-events.repository.js';
import { auditEvents } from './audit.schema.js';

type NewAuditEvent = typeof auditEvents.$inferInsert;

const THE_SERVER: Partial<NewAuditEvent> = { actorKind: 'server', actorId: 'devforge', actorName: 'DevForge' };

/**
 * Records what the current request does, in the transaction that does it. Background work has no actor and records nothing.
 * @param actor who it turns out to be, when the request came by no credential
 */
export async function recordAudit(on: Queries, entry: AuditEntry, actor?: Actor): Promise<void> {
  const event = auditEventOf(entry, actor);
  if (event !== undefined) await on.insert(auditEvents).values(event);
}

/** The row of {@link recordAudit}, for a statement that does more. */
export function auditEventOf(entry: AuditEntry, actor?: Actor): NewAuditEvent | undefined {
  const context = currentContext();
  if (context === undefined) return undefined;
  context.actor ??= actor;
  if (context.actor === undefined) return undefined;
  return { ...callerOf(context), ...columnsOf(entry) };
}

/** Records an event that has an actor in any case: the caller of the current request, or else DevForge by itself. */
export async function recordServerAudit(on: Queries, entry: AuditEntry): Promise<void> {
  const context = currentContext();
  const caller = context?.actor === undefined ? THE_SERVER : callerOf(context);
  await on.insert(auditEvents).values({ ...caller, ...columnsOf(entry) });
}

function columnsOf({ action, target, projectId, details }: AuditEntry) {
  return {
    action,
    targetKind: target.kind,
    targetId: target.id,
    targetName: target.name,
    projectId,
    outcome: 'allowed',
    details: details ?? null,
  } as const;
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
export function callerOf({ actor, presented, address, requestId }: RequestContext): Partial<NewAuditEvent> {
  const credential = actor?.credential ?? presented;
  return {
    actorKind: actor?.kind ?? null,
    actorId: actor?.id ?? null,
    actorName: actor?.name ?? null,
    credentialKind: credential?.kind ?? null,
    credentialId: credential?.id ?? null,
    address,
    requestId,
  };
}
