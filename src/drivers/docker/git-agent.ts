import { JobFailure } from '../../common/errors/job-failure.js';
import type { Clock } from '../../common/time/clock.js';
import { DriverError } from '../driver-error.js';
import { gitAgentContainer } from './container-specs.js';
import type { EngineClient } from './engine/engine-client.js';
import { programsOf } from './images/programs-of.js';
import { namesOf } from './names.js';
import type { WorkspaceObjects } from './workspace-objects.js';

const EXEC_TIMEOUT_MS = 10_000;
const STOP_GRACE_SECONDS = 1;
const SOCKET_POLL_MS = 50;
const MAX_SOCKET_POLLS = 60;
/** Exit codes of `ssh-add -l`. */
const HAS_KEYS = 0;
const NO_KEYS = 1;

/** The sidecar container that lets a workspace use its Git key without being able to read it. */
export class GitAgent {
  constructor(
    private readonly engine: EngineClient,
    private readonly objects: WorkspaceObjects,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes sure that the agent of a workspace runs and has loaded its key.
   * @throws JobFailure `ssh_key_not_usable` when the key needs a passphrase; whatever `readKey` throws
   */
  async ensure(id: string, image: string, readKey: () => Promise<Buffer>, signal?: AbortSignal): Promise<void> {
    const key = await readKey();
    const dockerId = await this.findOrCreate(id, image);
    await this.engine.containers.start(dockerId);
    if ((await this.waitUntilListening(dockerId, signal)) === HAS_KEYS) return;
    const added = await this.engine.containers.exec(dockerId, {
      argv: ['ssh-add', '-q', '-'],
      stdin: key,
      timeoutMs: EXEC_TIMEOUT_MS,
      signal,
    });
    if (added.exitCode !== 0) {
      throw new JobFailure(
        'ssh_key_not_usable',
        'The SSH key cannot be loaded: it must be a private key without a passphrase.',
        { output: added.stderr.trim().split('\n') },
      );
    }
  }

  /** Stops the agent, if there is one, and with it the only copy of the key. */
  async stop(id: string): Promise<void> {
    const agent = await this.objects.findSidecar(id, 'git-agent');
    if (agent === undefined) return;
    try {
      await this.engine.containers.stop(agent.dockerId, STOP_GRACE_SECONDS);
    } catch (error) {
      if (!(error instanceof DriverError) || error.code !== 'not_found') throw error;
    }
  }

  private async findOrCreate(id: string, image: string): Promise<string> {
    const existing = await this.objects.findSidecar(id, 'git-agent');
    if (existing !== undefined) return existing.dockerId;
    await this.objects.ensureVolumes(id, [namesOf(id).gitAgentVolume]);
    // Programs of an image that others have made could read the key.
    const trusted = (await programsOf(this.engine, image)) ?? image;
    return (await this.engine.containers.create(gitAgentContainer(id, trusted))).dockerId;
  }

  private async waitUntilListening(dockerId: string, signal?: AbortSignal): Promise<number> {
    for (let poll = 0; poll < MAX_SOCKET_POLLS; poll++) {
      const { exitCode } = await this.engine.containers.exec(dockerId, {
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
