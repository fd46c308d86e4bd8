import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { containerRow } from '../../../test/support/rows.js';
import type { ContainerStore } from '../../containers/lifecycle/container-store.js';
import { DriverError } from '../../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import type { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import type { StepContext } from '../step.js';
import { SetUpWorkspaceStep } from './set-up-workspace.step.js';

const PROGRAM = '/usr/local/bin/devforge-setup';

describe('SetUpWorkspaceStep', () => {
  let driver: FakeWorkspaceDriver;
  let context: StepContext;
  let step: SetUpWorkspaceStep;
  const report = jest.fn<StepContext['report']>();
  const update = jest.fn<ContainerStore['update']>();

  beforeEach(() => {
    report.mockReset();
    driver = new FakeWorkspaceDriver();
    const row = containerRow({ setup: 'npm ci', workspaceReady: false });
    update.mockReset().mockImplementation(async (_, patch) => ({ ...row, ...patch }));
    context = {
      row: { ...row, ...driver.run({ id: row.id }) },
      lease: { containerId: row.id, holder: 'me', fence: 1 },
      signal: new AbortController().signal,
      report,
    } as unknown as StepContext;
    const store = { update } as unknown as ContainerStore;
    step = new SetUpWorkspaceStep(new WorkspacePrograms(driver, {} as ContainersRepository), store);
  });

  const argvs = (): string[][] => driver.execs.map(({ request }) => request.argv);

  it('does nothing for a container without one', async () => {
    context.row = { ...context.row, setup: null };
    await step.run(context);
    expect(argvs()).toEqual([]);
    expect(update).not.toHaveBeenCalled();
  });

  it('runs the command as one argument, and then the workspace is ready', async () => {
    await step.run(context);
    expect(argvs()).toEqual([[PROGRAM, 'run', 'npm ci']]);
    expect(context.row.workspaceReady).toBe(true);
  });

  it('reports each line, and fails with the last ones of a command that failed', async () => {
    driver.onExec = () => ({ exitCode: 3, stderr: 'one\n\u001b[31mtwo\u001b[0m\n' });
    await expect(step.run(context)).rejects.toMatchObject({
      code: 'setup_failed',
      message: 'The set-up ended with exit code 3.',
      retryable: false,
      output: ['one', 'two'],
    });
    expect(report.mock.calls.map(([, line]) => line)).toEqual(['one', 'two']);
    expect(update).not.toHaveBeenCalled();
  });

  it('ends a command that takes too long', async () => {
    driver.onExec = ({ argv }) => {
      if (argv[1] === 'run') throw new DriverError('timed_out', 'exec: timed out');
      return { exitCode: 0 };
    };
    await expect(step.run(context)).rejects.toMatchObject({ code: 'setup_failed' });
    expect(argvs()).toEqual([
      [PROGRAM, 'run', 'npm ci'],
      [PROGRAM, 'cancel'],
    ]);
  });
});
