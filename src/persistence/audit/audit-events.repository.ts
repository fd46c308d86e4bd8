import type { Target } from '../../common/request-context.js';
import type { AuditAction, AuditDetails, AuditOutcome, Scope } from '../types.js';
import type { auditEvents } from './audit.schema.js';

export type AuditEventRow = typeof auditEvents.$inferSelect;

/** Something that the caller of the current request does. */
export interface AuditEntry {
  action: AuditAction;
  target: Target;
  projectId: string | null;
  details?: AuditDetails | undefined;
}

/** Something that the current request may not do. */
export interface Refusal {
  action: string;
  target: Target;
  projectId: string | null;
  /** Of the error. */
  code: string;
}

export interface AuditQuery {
  /** Events of no project are in `all` alone. */
  scope: Scope;
  /** Id or name. */
  actor?: string | undefined;
  /** An action, or its first part: `container` for all that start with `container.` */
  action?: string | undefined;
  /** Id or name. */
  target?: string | undefined;
  outcome?: AuditOutcome | undefined;
  since?: Date | undefined;
  /** Exclusive. */
  until?: Date | undefined;
  limit: number;
  /** Id of the last event of the previous page. */
  before?: number | undefined;
}

/** Events that tell who did what. They are never changed. */
export abstract class AuditEventsRepository {
  /** Records what the current request does and has no transaction for. Work without an actor is not recorded. */
  abstract record(entry: AuditEntry): Promise<void>;
  /** Records what the current request was refused, with or without an actor. */
  abstract recordRefusal(refusal: Refusal): Promise<void>;
  /** Whether it exists in another project than those of the given ids, or belongs to a user. */
  abstract existsOutside(projectIds: readonly string[], target: Target): Promise<boolean>;
  /** Latest first. */
  abstract list(query: AuditQuery): Promise<AuditEventRow[]>;
  /** Deletes up to `limit` events from before a time. @returns how many */
  abstract removeBefore(time: Date, limit: number): Promise<number>;
}
