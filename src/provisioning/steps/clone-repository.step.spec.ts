import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { containerRow } from '../../../test/support/rows.js';
import type { ContainerStore } from '../../containers/lifecycle/container-store.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import type { StepContext } from '../step.js';
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import { CloneRepositoryStep } from './clone-repository.step.js';

const URL = 'git@example.org:user/repo.git';
const SILENCE_MS = 5 * 60_000;

describe('CloneRepositoryStep', () => {
  let driver: FakeWorkspaceDriver;
  let row: ContainerRow;
  let context: StepContext;
  let step: CloneRepositoryStep;
  let caller: AbortController;
  const report = jest.fn<StepContext['report']>();
  const update = jest.fn<ContainerStore['update']>();

  beforeEach(async () => {
    report.mockReset();
    update.mockReset().mockImplementation(async (_id, patch) => ({ ...row, ...patch }));
    driver = new FakeWorkspaceDriver();
    row = containerRow({ repoType: 'clone', repoUrl: URL, repoBranch: null, workspaceReady: false });
    row = { ...row, ...driver.run({ id: row.id }) };
    caller = new AbortController();
    context = {
      row,
      jobId: 'j',
      lease: { containerId: row.id, holder: 'me', fence: 1 },
      signal: caller.signal,
      report,
    } as unknown as StepContext;
    step = new CloneRepositoryStep(new WorkspacePrograms(driver, {} as ContainersRepository), {
      update,
    } as unknown as ContainerStore);
  });

  afterEach(() => void jest.useRealTimers());

  const argvs = (): string[][] => driver.execs.map(({ request }) => request.argv);

  it('runs the clone command of the workspace with the URL as its only argument', async () => {
    await step.run(context);
    expect(argvs()).toEqual([['/usr/local/bin/devforge-clone', 'run', URL]]);
    expect(driver.execs[0]?.request).toMatchObject({
      cwd: '/workspace',
      env: { GIT_ALLOW_PROTOCOL: 'https:ssh:http', GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '/bin/false' },
    });
    expect(update).toHaveBeenCalledWith(row.id, { workspaceReady: true }, context.lease);
    expect(context.row.workspaceReady).toBe(true);
  });

  it('passes the branch when there is one', async () => {
    context.row = { ...row, repoBranch: 'feature/x' };
    await step.run(context);
    expect(argvs()).toEqual([['/usr/local/bin/devforge-clone', 'run', URL, 'feature/x']]);
  });

  it('reports the output and progress of git', async () => {
    driver.onExec = () => ({
      exitCode: 0,
      stderr: "Cloning into '/workspace'...\nReceiving objects:  50% (1/2)\r",
    });
    await step.run(context);
    expect(report.mock.calls).toEqual([
      [45, "Cloning into '/workspace'..."],
      [45, 'Receiving objects:  50% (1/2)'],
    ]);
  });

  it('reports why git failed, and does not mark the workspace as ready', async () => {
    driver.onExec = () => ({ exitCode: 128, stderr: 'fatal: Authentication failed\n' });
    await expect(step.run(context)).rejects.toMatchObject({
      name: 'JobFailure',
      code: 'git_auth_failed',
      retryable: false,
    });
    expect(update).not.toHaveBeenCalled();
  });

  it('cancels a clone that reports nothing for too long', async () => {
    jest.useFakeTimers();
    driver.onExec = ({ argv }) => (argv[1] === 'cancel' ? { exitCode: 0 } : new Promise(() => undefined));
    const failure = step.run(context).catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(SILENCE_MS - 1);
    expect(argvs()).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1);
    await expect(failure).resolves.toMatchObject({ code: 'git_stalled', retryable: true });
    expect(argvs()[1]).toEqual(['/usr/local/bin/devforge-clone', 'cancel']);
  });

  it('does not cancel a clone that reports something now and then', async () => {
    jest.useFakeTimers();
    driver.onExec = async ({ argv, onStderr }) => {
      for (let word = 0; argv[1] === 'run' && word < 4; word++) {
        await new Promise((resolve) => setTimeout(resolve, SILENCE_MS - 1));
        onStderr?.(Buffer.from(`Receiving objects: ${word}%\r`));
      }
      return { exitCode: 0 };
    };
    const done = step.run(context);
    await jest.advanceTimersByTimeAsync(4 * SILENCE_MS);
    await expect(done).resolves.toBeUndefined();
    expect(argvs()).toHaveLength(1);
  });

  it('stops waiting when the signal aborts, and leaves the clone running', async () => {
    driver.onExec = () => new Promise(() => undefined);
    const failure = step.run(context).catch((error: unknown) => error);
    caller.abort();
    await expect(failure).resolves.toMatchObject({ name: 'DriverError', code: 'aborted' });
    expect(argvs()).toHaveLength(1);
  });
});
