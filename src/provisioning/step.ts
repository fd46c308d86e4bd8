import type { ContainerRow, Lease } from '../persistence/containers.repository.js';
import type { ContainerStatus } from '../persistence/types.js';

/** What a step works with. Steps may run twice: each finds what an earlier run made. */
export interface StepContext {
  /** The container as it is now; a step that changes the row puts the new one here. */
  row: ContainerRow;
  readonly jobId: string;
  readonly lease: Lease;
  /** Aborts when the work is to stop: the lease is lost, the container is being deleted, DevForge shuts down. */
  readonly signal: AbortSignal;
  /** Tells how far the step is, 0 to 100, and what it is doing. */
  report(percent: number, message: string): void;
}

export abstract class ProvisioningStep {
  /** As it shows in the job. */
  abstract readonly name: string;
  /** The container's status while the step runs. */
  abstract readonly status: ContainerStatus;
  /** Its share of the job, in percent of the whole. */
  abstract readonly weight: number;
  abstract run(context: StepContext): Promise<void>;
}
