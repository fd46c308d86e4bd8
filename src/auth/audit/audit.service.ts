import { Injectable } from '@nestjs/common';
import { asId } from '../../common/id-generator.js';
import { invalidCursor } from '../../http/validation/cursor.js';
import { LATEST_TIMESTAMP } from '../../http/validation/is-timestamp.js';
import {
  type AuditEventRow,
  AuditEventsRepository,
  type AuditQuery,
} from '../../persistence/audit/audit-events.repository.js';
import type { Principal } from '../principal.js';
import { projectsOf } from '../project-scope.js';
import type { AuditEventDto, AuditEventPageDto, AuditQueryDto } from './audit.dto.js';

const EXPORT_PAGE = 500;

type Filter = Omit<AuditQuery, 'limit'>;

/** Tells who did what: administrators everything, owners what concerns their projects. */
@Injectable()
export class AuditService {
  constructor(private readonly events: AuditEventsRepository) {}

  /** @throws DomainError `project_not_found` */
  async list(principal: Principal, query: AuditQueryDto): Promise<AuditEventPageDto> {
    const rows = await this.events.list({ ...filterOf(principal, query), limit: query.limit + 1 });
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    const hasMore = rows.length > query.limit && last !== undefined;
    return { items: page.map(toAuditEventDto), nextCursor: hasMore ? encodeCursor(last.id) : null };
  }

  /**
   * All events as lines of JSON, one part of them in memory at a time.
   * @throws DomainError `project_not_found`
   */
  export(principal: Principal, query: AuditQueryDto): AsyncIterable<string> {
    return this.lines(filterOf(principal, query));
  }

  private async *lines(filter: Filter): AsyncIterable<string> {
    let { before } = filter;
    for (;;) {
      const rows = await this.events.list({ ...filter, before, limit: EXPORT_PAGE });
      yield rows.map((row) => `${JSON.stringify(toAuditEventDto(row))}\n`).join('');
      if (rows.length < EXPORT_PAGE) return;
      before = rows.at(-1)!.id;
    }
  }
}

function filterOf(principal: Principal, query: AuditQueryDto): Filter {
  const { actor, action, target, outcome } = query;
  return {
    scope: projectsOf(principal, query.projectId),
    actor: referenceOf(actor),
    action,
    target: referenceOf(target),
    outcome,
    since: timeOf(query.since),
    until: timeOf(query.until),
    before: query.cursor === undefined ? undefined : decodeCursor(query.cursor),
  };
}

/** Names are told from ids by their form. */
function referenceOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : (asId(text) ?? text);
}

/** Timestamps before 1970 and after the latest one that PostgreSQL knows mean the same as those. */
function timeOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(Math.min(Math.max(Date.parse(text), 0), LATEST_TIMESTAMP));
}

function encodeCursor(id: number): string {
  return Buffer.from(String(id)).toString('base64url');
}

function decodeCursor(cursor: string): number {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (!/^\d{1,15}$/.test(id)) throw invalidCursor();
  return Number(id);
}

function toAuditEventDto(row: AuditEventRow): AuditEventDto {
  const { id, at, address, requestId, action, projectId, outcome, code, details } = row;
  const { actorKind, actorId, actorName, credentialKind } = row;
  return {
    id,
    at: at.toISOString(),
    actor: actorKind === null ? null : { kind: actorKind, id: actorId ?? '', name: actorName ?? '' },
    credential: credentialKind === null ? null : { kind: credentialKind, id: row.credentialId },
    address,
    requestId,
    action,
    target: { kind: row.targetKind, id: row.targetId, name: row.targetName },
    projectId,
    outcome,
    code,
    details,
  };
}
