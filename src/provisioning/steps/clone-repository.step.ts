import { Injectable } from '@nestjs/common';
import { JobFailure } from '../../common/errors/job-failure.js';
import { ContainerStore } from '../../containers/lifecycle/container-store.js';
import { WORKSPACE_FOLDER } from '../../workspace/workspace-spec.js';
import { ContainerEngine, EngineError } from '../../drivers/docker/engine/container-engine.js';
import { classifyGitFailure } from '../git-failure.js';
import { GitProgress } from '../git-progress.js';
import { ProvisioningStep, type StepContext } from '../step.js';

const LONGEST_CLONE_MS = 4 * 60 * 60_000;
/** Without a word from git for this long, the clone is taken for hung. */
const LONGEST_SILENCE_MS = 5 * 60_000;
const CANCEL_TIMEOUT_MS = 15_000;
const CLONE = '/usr/local/bin/devforge-clone';

/** What keeps git from asking anybody, and from any transport but the two that are allowed. */
const GIT_ENV = {
  GIT_ALLOW_PROTOCOL: 'https:ssh',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '/bin/false',
  GIT_HTTP_LOW_SPEED_LIMIT: '1',
  GIT_HTTP_LOW_SPEED_TIME: '60',
  LC_ALL: 'C.UTF-8',
};

/** Clones the repository into the workspace, as the workspace's own user. */
@Injectable()
export class CloneRepositoryStep extends ProvisioningStep {
  readonly name = 'clone';
  readonly status = 'cloning';
  readonly weight = 90;

  constructor(
    private readonly runtime: ContainerEngine,
    private readonly store: ContainerStore,
  ) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const { row, signal } = context;
    const progress = new GitProgress();
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), LONGEST_SILENCE_MS);
    try {
      const result = await this.runtime.containers.exec(row.dockerId!, {
        argv: [CLONE, 'run', row.repoUrl!, ...(row.repoBranch === null ? [] : [row.repoBranch])],
        env: GIT_ENV,
        cwd: WORKSPACE_FOLDER,
        timeoutMs: LONGEST_CLONE_MS,
        signal: AbortSignal.any([signal, silence.signal]),
        onStderr: (chunk) => {
          clearTimeout(timer);
          timer = setTimeout(() => silence.abort(), LONGEST_SILENCE_MS);
          for (const line of progress.read(chunk)) context.report(progress.percent, line);
        },
      });
      if (result.exitCode !== 0) throw classifyGitFailure(result.exitCode, result.stderr);
    } catch (error) {
      const outlasted = error instanceof EngineError && error.code === 'timed_out';
      if (!silence.signal.aborted && !outlasted) throw error;
      await this.cancel(row.dockerId!);
      throw new JobFailure(
        'git_stalled',
        outlasted ? 'Git took too long to clone the repository.' : 'Git fell silent while it cloned the repository.',
        { retryable: true, cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
    context.row = await this.store.update(row.id, { workspaceReady: true }, context.lease);
  }

  /** The command goes on when its stream is let go of; this ends it. */
  private async cancel(dockerId: string): Promise<void> {
    await this.runtime.containers.exec(dockerId, { argv: [CLONE, 'cancel'], timeoutMs: CANCEL_TIMEOUT_MS });
  }
}
