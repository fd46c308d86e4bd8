import type { InstructionLease } from './instructions.repository.js';

export interface StoredEvent {
  /** From 1, without a gap. */
  seq: number;
  /** A JSON document, as the CLI printed it. */
  event: string;
}

/** Events that follow one another, and what changes together with them. */
export interface EventBatch {
  /** `seq` of the event before the first one. */
  after: number;
  /** JSON documents without line breaks. */
  events: string[];
  /** Bytes of the runner's file up to the end of the last one. */
  offset: number;
  /** The session, where one of the events told it. */
  sessionId?: string;
}

export interface EventPage {
  instructionId: string;
  after: number;
  /** The last one wanted; all when left out. */
  through?: number;
  /** 1000 unless it is said. */
  mostEvents?: number;
  /** One that goes beyond this ends the page; about a megabyte unless it is said. */
  enoughBytes?: number;
}

/** Events of instructions: written once, in order, and never changed. */
export abstract class InstructionEventsRepository {
  /** Writes all of it or nothing. @returns false when the lease is lost, or `after` is not the last one stored */
  abstract append(lease: InstructionLease, batch: EventBatch): Promise<boolean>;
  /** The next events, in order; at least one if there is one. */
  abstract page(page: EventPage): Promise<StoredEvent[]>;
}
