import { safeMessageOf } from '../common/errors/error-report.js';
import { giveUp, postpone, type ProvisioningJob } from '../queues/job-control.js';
import { type JobRun, jobRuns } from '../queues/job-runs.js';
import type { Outcome, Pipeline, ProvisioningRunner } from './provisioning-runner.js';

/** Runs a job's pipeline and reports the outcome to BullMQ. */
export async function processJob(
  runner: ProvisioningRunner,
  pipeline: Pipeline,
  job: ProvisioningJob,
  token?: string,
): Promise<void> {
  const outcome = await observed(job.name as JobRun['name'], () => runner.run(job.data, pipeline));
  switch (outcome.kind) {
    case 'done':
      return;
    case 'postponed':
      return postpone(job, token, outcome.delayMs);
    case 'retry':
      throw new Error(outcome.error.message);
    case 'failed':
      return giveUp(outcome.error.message);
  }
}

async function observed(name: JobRun['name'], run: () => Promise<Outcome>): Promise<Outcome> {
  const from = performance.now();
  let outcome: JobRun['outcome'] = 'error';
  try {
    const ended = await run();
    outcome = ended.kind;
    return ended;
  } catch (error) {
    // BullMQ stores the text and the stack of what is thrown, without its cause.
    throw new Error(safeMessageOf(error), { cause: error });
  } finally {
    jobRuns.publish({ name, outcome, seconds: (performance.now() - from) / 1_000 });
  }
}
