import { type ContainerStore, NotHeldError } from '../containers/lifecycle/container-store.js';
import type { HeldContainerLease } from '../leases/container-leases.js';
import type { ContainerRow, JobRow } from '../persistence/containers/containers.repository.js';
import { ProgressReporter } from './progress-reporter.js';
import type { Part, ProvisioningStep, Stage, StepContext } from './step.js';

/** Runs the steps of a job in order, and shows in the job which of them is under way. */
export class StepTracker {
  readonly context: StepContext;
  /** Name of the step or stage under way. */
  step: string | undefined;
  /** The row as it was last written. */
  container: ContainerRow;
  private reporter: ProgressReporter | undefined;
  private isActive = false;
  /** Where the current step begins, in percent of the part. */
  private from = 0;
  private readonly job: JobRow;

  constructor(
    private readonly store: ContainerStore,
    { container, job }: { container: ContainerRow; job: JobRow },
    private readonly held: HeldContainerLease,
    private readonly part: Part,
  ) {
    this.container = container;
    this.job = job;
    this.context = {
      row: container,
      unwritten: {},
      jobId: job.id,
      lease: held.lease,
      signal: held.signal,
      report: () => undefined,
      enterStage: async () => undefined,
      remember(patch) {
        this.row = { ...this.row, ...patch };
        this.unwritten = { ...this.unwritten, ...patch };
      },
    };
  }

  /** @throws NotHeldError when the work must stop, and whatever the step throws */
  async run(step: ProvisioningStep): Promise<void> {
    const { name, weight, passing } = step;
    this.context.enterStage = (stage) => this.enter(stage, step);
    try {
      this.step = undefined;
      await this.enter({ name, offset: 0, weight, passing }, step);
      await step.run(this.context);
    } finally {
      await this.reporter?.close();
      this.from += weight;
    }
  }

  private async enter({ name, offset, weight, passing = false }: Stage, { status }: ProvisioningStep): Promise<void> {
    if (this.held.signal.aborted) throw new NotHeldError(this.container.id);
    if (name === this.step) return;
    await this.reporter?.close();
    this.step = name;
    const progress = this.percent(this.from + offset);
    const reporter = new ProgressReporter((patch) =>
      this.store.updateJob(this.container, this.job.id, patch, this.held.lease),
    );
    this.reporter = reporter;
    const begun = { step: name, progress, message: null };
    if (passing) {
      reporter.report(begun);
    } else {
      const { context, job } = this;
      const active = { state: 'active', attempts: attemptsOf(job), error: null } as const;
      context.row = await this.store.transition(this.container.id, status, {
        lease: this.held.lease,
        patch: context.unwritten,
        job: { id: job.id, patch: this.isActive ? begun : { ...begun, ...active } },
      });
      context.unwritten = {};
      this.container = context.row;
      this.isActive = true;
    }
    this.context.report = (percent, message) =>
      reporter.report({ progress: this.percent(this.from + offset + (weight * percent) / 100), message });
  }

  /** Percent of the part, as percent of the whole job. */
  private percent(ofPart: number): number {
    return Math.floor(this.part.from + (this.part.size * ofPart) / 100);
  }
}

/** A job without a step has not failed: it starts, or continues with its clone. */
function attemptsOf({ attempts, step }: JobRow): number {
  return step === null ? Math.max(attempts, 1) : attempts + 1;
}
