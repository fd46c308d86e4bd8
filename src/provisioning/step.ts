import type { ContainerPatch, ContainerRow, Lease } from '../persistence/containers/containers.repository.js';
import type { ContainerStatus } from '../persistence/types.js';

/** A part of a job, in percent of the whole. */
export interface Part {
  from: number;
  size: number;
}

/** A part of a step that shows in the job under a name of its own. */
export interface Stage {
  name: string;
  /** Where it begins within the step, and its size, both in percent of the pipeline. */
  offset: number;
  weight: number;
  /** As {@link ProvisioningStep.passing}. */
  passing?: boolean;
}

/** What a step works with. Steps may run twice: each finds what an earlier run created. */
export interface StepContext {
  /** The current row; a step that writes the row replaces it. */
  row: ContainerRow;
  /** Columns that the next transition writes, which saves a commit for each. */
  unwritten: ContainerPatch;
  /** Whether a step found the workspace running. */
  isUp?: boolean;
  readonly jobId: string;
  readonly lease: Lease;
  /** Aborts when the work must stop: the lease is lost, the container is being deleted, DevForge shuts down. */
  readonly signal: AbortSignal;
  /** Reports progress of the current stage, 0 to 100, and what it is doing. */
  report(percent: number, message: string): void;
  /** Shows the stage in the job. @throws NotHeldError when the work must stop */
  enterStage(stage: Stage): Promise<void>;
  /** Puts columns into `row` and `unwritten`. Only for values that a second run of the step would find again. */
  remember(patch: ContainerPatch): void;
}

export abstract class ProvisioningStep {
  /** As it shows in the job. */
  abstract readonly name: string;
  /** The container's status while the step runs. */
  abstract readonly status: ContainerStatus;
  /** Its share of its pipeline, in percent. */
  abstract readonly weight: number;
  /** Usually over in a moment: it shows in the job only when it takes longer, and keeps the status of the step before. */
  readonly passing: boolean = false;

  abstract run(context: StepContext): Promise<void>;
}
