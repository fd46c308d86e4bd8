import type { ContainerPatch, ContainerRow, Lease } from '../persistence/containers/containers.repository.js';
import type { ContainerStatus } from '../persistence/types.js';

/** What a step works with. Steps may run twice: each finds what an earlier run made. */
export interface StepContext {
  /** The container as it is now; a step that writes the row puts the new one here. */
  row: ContainerRow;
  /** What steps found out and the next transition writes: each write less is one commit less to wait for. */
  unwritten: ContainerPatch;
  readonly jobId: string;
  readonly lease: Lease;
  /** Aborts when the work is to stop: the lease is lost, the container is being deleted, DevForge shuts down. */
  readonly signal: AbortSignal;
  /** Tells how far the step is, 0 to 100, and what it is doing. */
  report(percent: number, message: string): void;
  /** Puts columns into `row` and `unwritten`. Only for what a step that runs twice finds again. */
  remember(patch: ContainerPatch): void;
}

export abstract class ProvisioningStep {
  /** As it shows in the job. */
  abstract readonly name: string;
  /** The container's status while the step runs. */
  abstract readonly status: ContainerStatus;
  /** Its share of the job, in percent of the whole. */
  abstract readonly weight: number;
  /** Over in a moment as a rule: it shows in the job only when it is not. It keeps the status of the step before. */
  readonly passing: boolean = false;

  /** Whether there is anything to do for this container. */
  isNeeded(_row: ContainerRow): boolean {
    return true;
  }

  abstract run(context: StepContext): Promise<void>;
}
