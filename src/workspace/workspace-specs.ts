import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { JobFailure } from '../common/errors/job-failure.js';
import { Settings } from '../config/settings.js';
import { STATE_FOLDER, type WorkspaceSpec } from '../drivers/workspace.js';
import { SshKeys } from '../git-keys/ssh-keys.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { AgentCredentials } from './agent-credentials.js';

const PIDS_LIMIT = 512;

/** Derives what the driver has to provide from a container's row. */
@Injectable()
export class WorkspaceSpecs {
  constructor(
    private readonly credentials: AgentCredentials,
    private readonly keys: SshKeys,
    private readonly settings: Settings,
  ) {}

  /** @throws JobFailure `image_unknown` while no image was chosen for the container */
  of(row: ContainerRow): WorkspaceSpec {
    if (row.image === null)
      throw new JobFailure('image_unknown', 'No image was chosen for the container.', { retryable: true });
    const { sshKeyPath } = row;
    return {
      id: row.id,
      ...(row.dataId === null ? {} : { dataId: row.dataId }),
      hostname: row.name,
      image: row.image,
      env: {
        ...this.credentials.publicEnv(row),
        ...allowedHosts(this.settings.editorDomain),
        ...row.env,
        ...this.identityOf(row),
        CLAUDE_CONFIG_DIR: row.env['CLAUDE_CONFIG_DIR'] ?? `${STATE_FOLDER}/claude`,
        DEVFORGE_CONTAINER_ID: row.id,
      },
      limits: { cpus: row.cpuLimit, memoryMiB: row.memoryLimit, diskMiB: row.diskLimit, pids: PIDS_LIMIT },
      readGitKey: sshKeyPath === null ? null : () => this.readKey(sshKeyPath),
    };
  }

  /** The main process of the workspace makes git's configuration of them. */
  private identityOf(row: ContainerRow): Record<string, string> {
    const name = row.gitName ?? this.settings.gitIdentity.name;
    const email = row.gitEmail ?? this.settings.gitIdentity.email;
    return {
      ...(name === undefined ? {} : { DEVFORGE_GIT_NAME: name }),
      ...(email === undefined ? {} : { DEVFORGE_GIT_EMAIL: email }),
    };
  }

  private async readKey(path: string): Promise<Buffer> {
    try {
      return await this.keys.read(path);
    } catch (error) {
      if (error instanceof DomainError) throw new JobFailure(error.code, error.message, { cause: error });
      throw error;
    }
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
