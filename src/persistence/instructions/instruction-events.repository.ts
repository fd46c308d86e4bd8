import type { InstructionLease, InstructionRow } from './instructions.repository.js';

export interface StoredEvent {
  /** From 1, without a gap. */
  seq: number;
  /** A JSON document, as Claude Code printed it. */
  event: string;
}

/** Consecutive events, and what is written together with them. */
export interface EventBatch {
  /** `seq` of the event before the first one. */
  after: number;
  /** JSON documents without line breaks. */
  events: string[];
  /** Position in the runner's file after the last event, in bytes. */
  offset: number;
  /** The session that the events began. */
  sessionId?: string;
  /** What the instruction has used with these events, unless they changed nothing of it. */
  figures?: Pick<InstructionRow, 'turns' | 'usage' | 'costUsd' | 'costEstimated'>;
}

export interface EventPageQuery {
  instructionId: string;
  after: number;
  /** `seq` of the last event to read; no limit by default. */
  through?: number;
  /** 1000 by default. */
  maxEvents?: number;
  /** The page ends with the first event that brings it to this size; 1 MiB by default. */
  targetBytes?: number;
}

/** Events of instructions. They are appended in order and never changed. */
export abstract class InstructionEventsRepository {
  /** Writes the whole batch or nothing. @returns false when the lease is lost or `after` is not the last stored event */
  abstract append(lease: InstructionLease, batch: EventBatch): Promise<boolean>;
  /** The next events in order, at least one unless there are none. */
  abstract page(page: EventPageQuery): Promise<StoredEvent[]>;
}
