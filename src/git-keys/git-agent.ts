import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import { JobFailure } from '../common/errors/job-failure.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { ContainerEngine } from '../drivers/docker/engine/container-engine.js';
import { namesOf } from '../workspace/container-names.js';
import { SshKeys } from './ssh-keys.js';
import { gitAgentSpec } from '../workspace/workspace-spec.js';

const EXEC_TIMEOUT_MS = 10_000;
const STOP_GRACE_SECONDS = 1;
const SOCKET_POLL_MS = 50;
const SOCKET_POLLS = 60;
/** Exit codes of `ssh-add -l`. */
const HAS_KEYS = 0;
const NO_KEYS = 1;

/** The sidecar that lends a workspace its Git key without showing it. */
@Injectable()
export class GitAgent {
  constructor(
    private readonly runtime: ContainerEngine,
    private readonly keys: SshKeys,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes sure that the container's agent runs and holds its key. Does nothing for a container without a key.
   * @throws JobFailure `ssh_key_not_usable` when the key is gone, or cannot be used without a passphrase
   */
  async ensure(row: ContainerRow, image: string, signal?: AbortSignal): Promise<void> {
    if (row.sshKeyPath === null) return;
    const key = await this.readKey(row.sshKeyPath);
    const { dockerId } = await this.runtime.containers.create(gitAgentSpec(row, image));
    await this.runtime.containers.start(dockerId);
    if ((await this.whenListening(dockerId, signal)) === HAS_KEYS) return;
    const added = await this.runtime.containers.exec(dockerId, {
      argv: ['ssh-add', '-q', '-'],
      stdin: key,
      timeoutMs: EXEC_TIMEOUT_MS,
      signal,
    });
    if (added.exitCode !== 0) {
      throw new JobFailure(
        'ssh_key_not_usable',
        'The SSH key cannot be loaded: it must be a private key without a passphrase.',
        {
          output: added.stderr.trim().split('\n'),
        },
      );
    }
  }

  /** Stops it; the key is forgotten with it. */
  async stop(row: ContainerRow): Promise<void> {
    if (row.sshKeyPath === null) return;
    const agent = await this.runtime.containers.inspect(namesOf(row.id).gitAgent);
    if (agent !== null) await this.runtime.containers.stop(agent.dockerId, STOP_GRACE_SECONDS);
  }

  private async readKey(path: string): Promise<Buffer> {
    try {
      return await this.keys.read(path);
    } catch (error) {
      if (error instanceof DomainError) throw new JobFailure(error.code, error.message, { cause: error });
      throw error;
    }
  }

  private async whenListening(dockerId: string, signal?: AbortSignal): Promise<number> {
    for (let poll = 0; poll < SOCKET_POLLS; poll++) {
      const { exitCode } = await this.runtime.containers.exec(dockerId, {
        argv: ['ssh-add', '-l'],
        timeoutMs: EXEC_TIMEOUT_MS,
        signal,
      });
      if (exitCode === HAS_KEYS || exitCode === NO_KEYS) return exitCode;
      await this.clock.sleep(SOCKET_POLL_MS, signal);
    }
    throw new JobFailure('git_agent_not_ready', 'The agent that holds the SSH key did not start.', { retryable: true });
  }
}
