import { Injectable } from '@nestjs/common';
import { DEFAULT_LIMITS } from '../common/limits.js';
import { DomainError } from '../common/errors/domain-error.js';
import { JobFailure } from '../common/errors/job-failure.js';
import { Settings } from '../config/settings.js';
import { ContainerCredentials } from '../credentials/container-credentials.js';
import { STATE_FOLDER, type WorkspaceSpec } from '../drivers/workspace.js';
import { EgressPolicies } from '../egress/egress-policies.js';
import { SshKeys } from '../git-keys/ssh-keys.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { WarmKind } from '../persistence/warm-pool/warm-pool.repository.js';
import { AgentCredentials } from './agent-credentials.js';

const PIDS_LIMIT = 512;
const CLAUDE_CONFIG_DIR = `${STATE_FOLDER}/claude`;

/** Derives what the driver has to provide from a container's row. */
@Injectable()
export class WorkspaceSpecs {
  constructor(
    private readonly agents: AgentCredentials,
    private readonly credentials: ContainerCredentials,
    private readonly keys: SshKeys,
    private readonly egress: EgressPolicies,
    private readonly settings: Settings,
  ) {}

  /** @throws JobFailure `image_unknown` while no image was chosen for the container */
  async of(row: ContainerRow): Promise<WorkspaceSpec> {
    if (row.image === null)
      throw new JobFailure('image_unknown', 'No image was chosen for the container.', { retryable: true });
    return {
      id: row.id,
      ...(row.dataId === null ? {} : { dataId: row.dataId }),
      hostname: row.name,
      image: row.image,
      env: {
        ...(await this.agents.publicEnv(row)),
        ...allowedHosts(this.settings.editorDomain),
        ...row.env,
        ...this.identityOf(row),
        CLAUDE_CONFIG_DIR: row.env['CLAUDE_CONFIG_DIR'] ?? CLAUDE_CONFIG_DIR,
        DEVFORGE_CONTAINER_ID: row.id,
        DEVFORGE_CONTAINER_NAME: row.name,
      },
      limits: { cpus: row.cpuLimit, memoryMiB: row.memoryLimit, diskMiB: row.diskLimit, pids: PIDS_LIMIT },
      readGitKey: await this.gitKeyOf(row),
      egress: await this.egress.resolve(row),
    };
  }

  /** What a workspace has that is created ahead, until it is claimed. */
  ofWarm(id: string, { fenced }: Pick<WarmKind, 'fenced'>, image: string): WorkspaceSpec {
    const { cpuLimit: cpus, memoryLimit: memoryMiB, diskLimit: diskMiB } = DEFAULT_LIMITS;
    return {
      id,
      hostname: 'devforge',
      image,
      env: {
        ...allowedHosts(this.settings.editorDomain),
        ...this.identityOf({ gitName: null, gitEmail: null }),
        CLAUDE_CONFIG_DIR,
        DEVFORGE_CONTAINER_ID: id,
      },
      limits: { cpus, memoryMiB, diskMiB, pids: PIDS_LIMIT },
      readGitKey: null,
      egress: { mode: fenced ? 'none' : 'open', allow: [] },
    };
  }

  /** The main process of the workspace makes git's configuration of them. */
  private identityOf(row: Pick<ContainerRow, 'gitName' | 'gitEmail'>): Record<string, string> {
    const name = row.gitName ?? this.settings.gitIdentity.name;
    const email = row.gitEmail ?? this.settings.gitIdentity.email;
    return {
      ...(name === undefined ? {} : { DEVFORGE_GIT_NAME: name }),
      ...(email === undefined ? {} : { DEVFORGE_GIT_EMAIL: email }),
    };
  }

  private async gitKeyOf(row: ContainerRow): Promise<WorkspaceSpec['readGitKey']> {
    const { sshKeyPath } = row;
    if (sshKeyPath !== null) return () => orJobFailure(this.keys.read(sshKeyPath));
    const key = (await this.credentials.usable(row)).find(({ kind }) => kind === 'ssh_key');
    return key === undefined ? null : async () => Buffer.from(await orJobFailure(key.use()));
  }
}

async function orJobFailure<Value>(reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof DomainError) throw new JobFailure(error.code, error.message, { cause: error });
    throw error;
  }
}

/**
 * What development servers read to answer under the host names of previews: Vite and what is built on it, Rails, Angular's
 * server-side rendering, Create React App. Names below `localhost` they take anyway.
 */
function allowedHosts(domain: string | null): Record<string, string> {
  if (domain === null || domain === 'localhost') return {};
  return {
    __VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS: `.${domain}`,
    RAILS_DEVELOPMENT_HOSTS: `.${domain}`,
    NG_ALLOWED_HOSTS: `*.${domain}`,
    // Only DevForge reaches the server, and it checks the name itself.
    DANGEROUSLY_DISABLE_HOST_CHECK: 'true',
  };
}
