import { Injectable } from '@nestjs/common';
import { JobFailure } from '../../common/errors/job-failure.js';
import { plainText } from '../../common/plain-text.js';
import { ContainerStore } from '../../containers/lifecycle/container-store.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WORKSPACE_FOLDER } from '../../drivers/workspace.js';
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { OutputLines } from '../output-lines.js';
import { ProvisioningStep, type StepContext } from '../step.js';

const MAX_SETUP_MS = 2 * 60 * 60_000;
const CANCEL_TIMEOUT_MS = 15_000;
const MAX_LINE = 500;
const KEPT_LINES = 20;

/** Runs the command that prepares the workspace, as its user; one that has succeeded is not run again. */
@Injectable()
export class SetUpWorkspaceStep extends ProvisioningStep {
  readonly name = 'setup';
  readonly status = 'cloning';
  readonly weight = 30;
  /** Most containers have none. */
  override readonly passing = true;

  constructor(
    private readonly programs: WorkspacePrograms,
    private readonly store: ContainerStore,
  ) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const { row, signal } = context;
    if (row.setup === null) return;
    const workspace = workspaceOf(row);
    const output = new LastLines((line) => context.report(0, line));
    try {
      const { exitCode } = await this.programs.run(workspace, 'devforge-setup', {
        args: ['run', row.setup],
        cwd: WORKSPACE_FOLDER,
        timeoutMs: MAX_SETUP_MS,
        signal,
        onStderr: (chunk) => output.push(chunk),
      });
      if (exitCode !== 0)
        throw new JobFailure('setup_failed', `The set-up ended with exit code ${exitCode}.`, { output: output.lines });
    } catch (error) {
      if (!(error instanceof DriverError) || error.code !== 'timed_out') throw error;
      // Aborting the exec only disconnects from the command.
      await this.programs.run(workspace, 'devforge-setup', { args: ['cancel'], timeoutMs: CANCEL_TIMEOUT_MS });
      throw new JobFailure('setup_failed', 'The set-up took longer than two hours.', {
        output: output.lines,
        cause: error,
      });
    }
    context.row = await this.store.update(row.id, { workspaceReady: true }, context.lease);
  }
}

/** The last lines of an output that comes in pieces. */
class LastLines {
  readonly lines: string[] = [];
  private readonly output = new OutputLines(MAX_LINE);

  constructor(private readonly onLine: (line: string) => void) {}

  push(chunk: Buffer): void {
    for (const text of this.output.read(chunk)) {
      const line = plainText(text, MAX_LINE);
      if (line.trim() === '') continue;
      this.lines.push(line);
      if (this.lines.length > KEPT_LINES) this.lines.shift();
      this.onLine(line);
    }
  }
}
