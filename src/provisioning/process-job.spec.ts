import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProvisioningJob } from '../queues/job-control.js';
import { type JobRun, jobRuns } from '../queues/job-runs.js';
import { processJob } from './process-job.js';
import type { Outcome, Pipeline, ProvisioningRunner } from './provisioning-runner.js';

const error = { code: 'git_failed', message: 'no', retryable: true };

let published: JobRun[];
let end: () => void;

beforeEach(() => {
  published = [];
  end = jobRuns.subscribe((run) => published.push(run));
});
afterEach(() => end());

const run = (outcome: () => Promise<Outcome>): Promise<unknown> => {
  const job = { name: 'clone', data: {}, moveToDelayed: async () => undefined } as unknown as ProvisioningJob;
  return processJob({ run: outcome } as unknown as ProvisioningRunner, {} as Pipeline, job).catch(
    (thrown: Error) => thrown.message,
  );
};

describe('processJob', () => {
  it.each<[Outcome['kind'], Outcome]>([
    ['done', { kind: 'done' }],
    ['postponed', { kind: 'postponed', delayMs: 1 }],
    ['retry', { kind: 'retry', error }],
    ['failed', { kind: 'failed', error }],
  ])('publishes the outcome %s with the name of the job', async (kind, outcome) => {
    await run(async () => outcome);
    expect(published).toEqual([{ name: 'clone', outcome: kind, seconds: expect.any(Number) }]);
  });

  it('publishes an error with the time until it was thrown', async () => {
    await expect(run(() => new Promise((_, reject) => setTimeout(() => reject(new Error('away')), 20)))).resolves.toBe(
      'away',
    );
    expect(published).toMatchObject([{ outcome: 'error' }]);
    expect(published[0]!.seconds).toBeGreaterThan(0.015);
  });
});
