import { Injectable } from '@nestjs/common';
import { and, eq, sql } from 'drizzle-orm';
import { Database } from '../database.js';
import {
  type EventBatch,
  type EventPageQuery,
  InstructionEventsRepository,
  type StoredEvent,
} from './instruction-events.repository.js';
import type { InstructionLease } from './instructions.repository.js';
import { instructionEvents, instructions } from './instructions.schema.js';
import { isHeldBy } from './drizzle-instructions.repository.js';

const DEFAULT_MAX_EVENTS = 1_000;
const DEFAULT_TARGET_BYTES = 1024 * 1024;
const MAX_SEQ = 2_147_483_647;

@Injectable()
export class DrizzleInstructionEventsRepository extends InstructionEventsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  /** One statement, which is one round trip and one commit. */
  async append(lease: InstructionLease, { after, events, offset, sessionId, figures }: EventBatch): Promise<boolean> {
    const { orm } = this.database;
    const updated = orm
      .update(instructions)
      .set({
        lastSeq: after + events.length,
        eventOffset: offset,
        ...figures,
        ...(sessionId === undefined ? {} : { sessionId }),
      })
      .where(and(isHeldBy(lease), eq(instructions.lastSeq, after)))
      .returning({ id: instructions.id });
    const lines = sql`unnest(string_to_array(${events.join('\n')}, E'\n')) with ordinality as line(event, number)`;
    const { rowCount } = await orm.execute(sql`
      with updated as ${updated}
      insert into ${instructionEvents} (instruction_id, seq, event)
      select updated.id, ${after}::integer + line.number, line.event from updated, ${lines}`);
    return rowCount === events.length;
  }

  async page({
    instructionId,
    after,
    through = MAX_SEQ,
    maxEvents = DEFAULT_MAX_EVENTS,
    targetBytes = DEFAULT_TARGET_BYTES,
  }: EventPageQuery): Promise<StoredEvent[]> {
    const { rows } = await this.database.pool.query<[number, string]>({
      name: 'instruction-events-page',
      rowMode: 'array',
      text: PAGE,
      values: [instructionId, after, through, maxEvents, targetBytes],
    });
    return rows.map(([seq, event]) => ({ seq, event }));
  }
}

/** `octet_length` does not load a long value, so events beyond the page are not read. */
const PAGE = `
  select seq, event from (
    select seq, event, sum(octet_length(event)) over (order by seq rows unbounded preceding) - octet_length(event) as before
    from (select seq, event from instruction_events where instruction_id = $1 and seq > $2 and seq <= $3 order by seq limit $4) as next
  ) as sized
  where before < $5
  order by seq`;
