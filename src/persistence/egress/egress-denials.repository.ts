import type { egressDenials } from './egress.schema.js';

export type EgressDenialRow = typeof egressDenials.$inferSelect;

/** Connections that containers were refused. */
export abstract class EgressDenialsRepository {
  /**
   * Stores those that are not stored yet, of containers that exist, and keeps the latest `max` of each container.
   * @returns those that were stored, with the project of their container
   */
  abstract insert(denials: EgressDenialRow[], max: number): Promise<(EgressDenialRow & { projectId: string })[]>;
  /** The last number of each container that has one. */
  abstract lastOfEach(): Promise<Map<string, number>>;
  /** Those of a container after a number, first to last. */
  abstract list(containerId: string, after: number, limit: number): Promise<EgressDenialRow[]>;
  /** Deletes up to `limit` from before a time. @returns how many */
  abstract removeBefore(time: Date, limit: number): Promise<number>;
}
