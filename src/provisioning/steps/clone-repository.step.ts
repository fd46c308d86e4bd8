import { Injectable } from '@nestjs/common';
import { JobFailure } from '../../common/errors/job-failure.js';
import { ContainerStore } from '../../containers/lifecycle/container-store.js';
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import { WORKSPACE_FOLDER, type WorkspaceRef } from '../../drivers/workspace.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { DriverError } from '../../drivers/driver-error.js';
import { cloneUrl } from '../clone-url.js';
import { classifyGitFailure } from '../git-failure.js';
import { GitProgress } from '../git-progress.js';
import { ProvisioningStep, type StepContext } from '../step.js';

const MAX_CLONE_MS = 4 * 60 * 60_000;
/** A clone without output from git for this long counts as hung. */
const MAX_SILENCE_MS = 5 * 60_000;
const CANCEL_TIMEOUT_MS = 15_000;

/** Disables prompts, and every transport but HTTPS and SSH. */
const GIT_ENV = {
  GIT_ALLOW_PROTOCOL: 'https:ssh:http',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '/bin/false',
  GIT_HTTP_LOW_SPEED_LIMIT: '1',
  GIT_HTTP_LOW_SPEED_TIME: '60',
  LC_ALL: 'C.UTF-8',
};

/** Clones the repository into the workspace, as the workspace's user. */
@Injectable()
export class CloneRepositoryStep extends ProvisioningStep {
  readonly name = 'clone';
  readonly status = 'cloning';
  readonly weight = 60;

  constructor(
    private readonly programs: WorkspacePrograms,
    private readonly store: ContainerStore,
  ) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const { row, signal } = context;
    if (row.repoType !== 'clone') return;
    const workspace = workspaceOf(row);
    const progress = new GitProgress();
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), MAX_SILENCE_MS);
    try {
      const result = await this.programs.run(workspace, 'devforge-clone', {
        args: ['run', cloneUrl(row.repoUrl!), ...(row.repoBranch === null ? [] : [row.repoBranch])],
        env: { ...GIT_ENV, ...optionsOf(row) },
        cwd: WORKSPACE_FOLDER,
        timeoutMs: MAX_CLONE_MS,
        signal: AbortSignal.any([signal, silence.signal]),
        onStderr: (chunk) => {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), MAX_SILENCE_MS);
          for (const line of progress.read(chunk)) context.report(progress.percent, line);
        },
      });
      if (result.exitCode !== 0) throw classifyGitFailure(result.exitCode, result.stderr);
    } catch (error) {
      const timedOut = error instanceof DriverError && error.code === 'timed_out';
      if (!silence.signal.aborted && !timedOut) throw error;
      await this.cancel(workspace);
      throw new JobFailure(
        'git_stalled',
        timedOut
          ? 'Git took too long to clone the repository.'
          : 'Git stopped reporting progress while it cloned the repository.',
        { retryable: true, cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
    // With a set-up it is ready after that.
    if (row.setup === null) context.row = await this.store.update(row.id, { workspaceReady: true }, context.lease);
  }

  /** Aborting the exec only disconnects from the command; this ends it. */
  private async cancel(workspace: WorkspaceRef): Promise<void> {
    await this.programs.run(workspace, 'devforge-clone', { args: ['cancel'], timeoutMs: CANCEL_TIMEOUT_MS });
  }
}

/** What `devforge-clone` reads from its environment. */
function optionsOf({ depth, submodules, lfs }: StepContext['row']): Record<string, string> {
  return {
    ...(depth === null ? {} : { DEVFORGE_CLONE_DEPTH: String(depth) }),
    ...(submodules ? { DEVFORGE_CLONE_SUBMODULES: '1' } : {}),
    ...(lfs ? { DEVFORGE_CLONE_LFS: '1' } : {}),
  };
}
