import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { containerRow, jobRow } from '../../test/support/rows.js';
import { JobFailure } from '../common/errors/job-failure.js';
import type { ContainerLeases, HeldContainerLease } from '../leases/container-leases.js';
import { type ContainerStore, NotHeldError } from '../containers/lifecycle/container-store.js';
import type { ContainerRow, ContainersRepository, JobRow } from '../persistence/containers/containers.repository.js';
import type { JobsRepository } from '../persistence/containers/jobs.repository.js';
import type { ContainerStatus } from '../persistence/types.js';
import { MAX_FAILURES } from '../queues/queue-options.js';
import { DriverError } from '../drivers/driver-error.js';
import type { FailedWorkspace } from './failed-workspace.js';
import { type Outcome, type Pipeline, ProvisioningRunner } from './provisioning-runner.js';
import { ProvisioningStep, type StepContext } from './step.js';

type Run = (context: StepContext) => Promise<void>;

class ScriptedStep extends ProvisioningStep {
  constructor(
    readonly name: string,
    readonly status: ContainerStatus,
    readonly weight: number,
    readonly run: Run = async () => undefined,
  ) {
    super();
  }
}

describe('ProvisioningRunner', () => {
  let row: ContainerRow;
  let job: JobRow;
  let lost: AbortController;
  let free: boolean;
  let engineAnswers: boolean;
  let runner: ProvisioningRunner;
  const finish = jest.fn<Pipeline['finish']>();
  const stopFailed = jest.fn<FailedWorkspace['stop']>();
  /** Every write to the row, and to the job with it. */
  let written: { to: ContainerStatus; reason?: string; job: object | undefined }[];

  beforeEach(() => {
    row = containerRow({ status: 'queued', jobId: 'j' });
    job = jobRow(row, { id: 'j' });
    lost = new AbortController();
    free = true;
    engineAnswers = true;
    written = [];
    finish.mockReset().mockResolvedValue(() => undefined);
    stopFailed.mockReset().mockResolvedValue();
    const transition: ContainerStore['transition'] = async (_id, to, { reason, patch, job: change } = {}) => {
      written.push({ to, ...(reason === undefined ? {} : { reason: reason.code }), job: change?.patch });
      row = { ...row, ...patch, status: to };
      return row;
    };
    const store = { transition, tryTransition: transition, updateJob: async () => job };
    const leases = {
      tryWithLease: async (_id: string, work: (held: HeldContainerLease) => Promise<unknown>) =>
        free ? work({ lease: { containerId: row.id, holder: 'me', fence: 1 }, signal: lost.signal }) : undefined,
    };
    runner = new ProvisioningRunner(
      { findById: async () => row } as unknown as ContainersRepository,
      { findById: async () => job } as unknown as JobsRepository,
      store as unknown as ContainerStore,
      leases as unknown as ContainerLeases,
      { stop: stopFailed, engineAnswers: async () => engineAnswers } as unknown as FailedWorkspace,
      new FakeClock(),
      quietLogger(),
    );
  });

  const whole = { phase: 'create', partOf: () => ({ from: 0, size: 100 }) } as const;
  const second = { phase: 'clone', partOf: () => ({ from: 50, size: 50 }) } as const;
  const runPart = (part: Pick<Pipeline, 'phase' | 'partOf'>, ...steps: ProvisioningStep[]): Promise<Outcome> =>
    runner.run({ jobId: 'j', containerId: row.id }, { ...part, steps, finish });
  const run = (...steps: ProvisioningStep[]): Promise<Outcome> => runPart(whole, ...steps);
  const failing = (cause: unknown): ProvisioningStep =>
    new ScriptedStep('fails', 'creating', 10, async () => {
      throw cause;
    });

  it('runs the steps of a job, and writes which one is under way', async () => {
    const afterwards = jest.fn();
    finish.mockResolvedValue(afterwards);
    await expect(
      run(new ScriptedStep('first', 'creating', 60), new ScriptedStep('second', 'starting', 40)),
    ).resolves.toEqual({ kind: 'done' });
    expect(written).toEqual([
      {
        to: 'creating',
        job: expect.objectContaining({ step: 'first', progress: 0, state: 'active', attempts: 1, error: null }),
      },
      { to: 'starting', job: expect.objectContaining({ step: 'second', progress: 60 }) },
    ]);
    expect(finish).toHaveBeenCalledTimes(1);
    expect(afterwards).toHaveBeenCalledTimes(1);
  });

  it('continues a job in its second part, where that is one attempt until it fails', async () => {
    row = { ...row, status: 'cloning' };
    job = { ...job, attempts: 2, progress: 50 };
    const clone = new ScriptedStep('clone', 'cloning', 90);
    await runPart(second, new ScriptedStep('resume', 'cloning', 10), clone);
    expect(written).toEqual([
      { to: 'cloning', job: expect.objectContaining({ step: 'resume', progress: 50, attempts: 2 }) },
      { to: 'cloning', job: expect.objectContaining({ step: 'clone', progress: 55 }) },
    ]);
    job = { ...job, step: 'clone' };
    await runPart(second, clone);
    expect(written.at(-1)).toMatchObject({ job: { attempts: 3 } });
  });

  it.each([
    ['the first part of a job that is in its second', whole, 'cloning'],
    ['the second part of a job that is in its first', second, 'starting'],
  ] as const)('does not run %s', async (_what, part, status) => {
    row = { ...row, status };
    await expect(runPart(part, failing(new Error('not reached')))).resolves.toEqual({ kind: 'done' });
    free = false;
    await expect(runPart(part, failing(new Error('not reached')))).resolves.toEqual({ kind: 'done' });
    expect(written).toEqual([]);
  });

  it.each([
    ['its job is over', () => (job = { ...job, finishedAt: new Date() })],
    ['it has another job by now', () => (row = { ...row, jobId: 'another' })],
    ['it is being deleted', () => (row = { ...row, status: 'deleting' })],
  ])('does nothing for a container when %s', async (_why, spoil) => {
    spoil();
    const step = jest.fn<Run>();
    await expect(run(new ScriptedStep('x', 'creating', 10, step))).resolves.toEqual({ kind: 'done' });
    expect(step).not.toHaveBeenCalled();
    expect(written).toEqual([]);
  });

  it('shows the stages of a step as steps, and attributes a failure to the stage', async () => {
    const stages = new ScriptedStep('create', 'creating', 20, async (context) => {
      await context.enterStage({ name: 'create', offset: 0, weight: 5 });
      await context.enterStage({ name: 'network', offset: 5, weight: 5, passing: true });
      await context.enterStage({ name: 'container', offset: 10, weight: 10 });
      throw new JobFailure('broken', 'It broke.');
    });
    await run(new ScriptedStep('image', 'creating', 60), stages);
    expect(written.map(({ to, job: change }) => [to, change])).toEqual([
      ['creating', expect.objectContaining({ step: 'image', progress: 0, state: 'active' })],
      ['creating', { step: 'create', progress: 60, message: null }],
      ['creating', { step: 'container', progress: 70, message: null }],
      ['failed', expect.objectContaining({ step: 'container', state: 'failed' })],
    ]);
  });

  it('enters no stage after the lease is lost', async () => {
    const entered = jest.fn();
    const step = new ScriptedStep('create', 'creating', 20, async (context) => {
      lost.abort();
      await context.enterStage({ name: 'container', offset: 10, weight: 10 });
      entered();
    });
    await expect(run(step)).resolves.toEqual({ kind: 'done' });
    expect(entered).not.toHaveBeenCalled();
    expect(written).toHaveLength(1);
  });

  it('postpones the job while another worker holds the lease', async () => {
    free = false;
    await expect(run(failing(new Error('not reached')))).resolves.toEqual({
      kind: 'postponed',
      delayMs: expect.any(Number),
    });
    expect(written).toEqual([]);
  });

  it('waits for an unavailable engine without counting a failure', async () => {
    job = { ...job, failures: MAX_FAILURES - 1 };
    await expect(run(failing(new DriverError('unavailable', 'x')))).resolves.toEqual({
      kind: 'postponed',
      delayMs: expect.any(Number),
    });
    expect(written.at(-1)).toMatchObject({
      to: 'creating',
      reason: 'engine_unavailable',
      job: { state: 'queued', failures: MAX_FAILURES - 1 },
    });
    expect(stopFailed).not.toHaveBeenCalled();
  });

  it('distinguishes a failed call from an engine that fails every call', async () => {
    await expect(run(failing(new DriverError('failed', 'x')))).resolves.toMatchObject({
      kind: 'retry',
      error: { code: 'engine_failed' },
    });
    expect(written.at(-1)).toMatchObject({ job: { failures: 1 } });
    engineAnswers = false;
    await expect(run(failing(new DriverError('failed', 'x')))).resolves.toMatchObject({ kind: 'postponed' });
    expect(written.at(-1)).toMatchObject({ reason: 'engine_unavailable', job: { failures: 0 } });
  });

  it('retries what may succeed later, and counts the failure', async () => {
    await expect(run(failing(new JobFailure('git_network', 'Later.', { retryable: true })))).resolves.toMatchObject({
      kind: 'retry',
      error: { code: 'git_network' },
    });
    expect(written.at(-1)).toMatchObject({
      to: 'creating',
      reason: 'git_network',
      job: { state: 'queued', failures: 1, error: { code: 'git_network' } },
    });
  });

  it('fails the job at the maximum number of failures', async () => {
    job = { ...job, failures: MAX_FAILURES - 1 };
    await expect(run(failing(new JobFailure('git_network', 'Later.', { retryable: true })))).resolves.toMatchObject({
      kind: 'failed',
    });
    expect(written.at(-1)).toMatchObject({
      to: 'failed',
      reason: 'git_network',
      job: { state: 'failed', failures: MAX_FAILURES, finishedAt: expect.any(Date) },
    });
  });

  it('fails a job that cannot succeed at once, with the reason, and stops its workspace', async () => {
    await expect(
      run(
        new ScriptedStep('first', 'creating', 60),
        failing(new JobFailure('git_auth_failed', 'No.', { output: ['fatal'] })),
      ),
    ).resolves.toMatchObject({ kind: 'failed', error: { output: ['fatal'] } });
    expect(written.at(-1)).toMatchObject({
      to: 'failed',
      reason: 'git_auth_failed',
      job: { state: 'failed', failures: 1 },
    });
    expect(stopFailed).toHaveBeenCalledTimes(1);
    expect(finish).not.toHaveBeenCalled();
  });

  it('writes nothing after the lease is lost', async () => {
    const step = new ScriptedStep('x', 'creating', 10, () => {
      lost.abort();
      return Promise.reject(new DriverError('aborted', 'x'));
    });
    await expect(run(step)).resolves.toEqual({ kind: 'done' });
    expect(written).toHaveLength(1);
    lost = new AbortController();
    written = [];
    await expect(run(failing(new NotHeldError('x')))).resolves.toEqual({ kind: 'done' });
    expect(written).toHaveLength(1);
  });

  it('begins no step after the lease is lost', async () => {
    const second = jest.fn<Run>();
    await expect(
      run(
        new ScriptedStep('first', 'creating', 10, async () => lost.abort()),
        new ScriptedStep('second', 'starting', 10, second),
      ),
    ).resolves.toEqual({ kind: 'done' });
    expect(second).not.toHaveBeenCalled();
    expect(finish).not.toHaveBeenCalled();
  });

  it('postpones running jobs at shutdown without counting a failure', async () => {
    let signal: AbortSignal | undefined;
    const step = new ScriptedStep('x', 'creating', 10, (context) => {
      ({ signal } = context);
      runner.onModuleDestroy();
      return Promise.reject(new DriverError('aborted', 'x'));
    });
    await expect(run(step)).resolves.toEqual({ kind: 'postponed', delayMs: expect.any(Number) });
    expect(signal?.aborted).toBe(true);
    expect(written).toHaveLength(1);
  });
});
