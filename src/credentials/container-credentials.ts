import { Injectable } from '@nestjs/common';
import { isInScope, type Principal, scopeOf } from '../auth/principal.js';
import { identityOfUser, UserDirectory } from '../auth/users/user-directory.js';
import { DomainError } from '../common/errors/domain-error.js';
import { noteRequest } from '../common/request-context.js';
import { Clock } from '../common/time/clock.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import { SshKeys } from '../git-keys/ssh-keys.js';
import { validationFailed } from '../http/validation/validation.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import {
  type CredentialRow,
  CredentialsRepository,
  type CredentialUse,
} from '../persistence/credentials/credentials.repository.js';
import type { CredentialKind } from '../persistence/types.js';
import { CredentialCipher, UnreadableCredentialError } from './credential-cipher.js';
import { credentialNotFound } from './credential-errors.js';

/** What of a container says which credentials it has. */
export type CredentialHolder = Pick<ContainerRow, 'id' | 'name' | 'projectId' | 'credentials'>;

/** A credential that a container may use. */
export interface UsableCredential extends Pick<CredentialRow, 'id' | 'name' | 'kind' | 'host' | 'username' | 'header'> {
  /**
   * The value, which must go to where it is used alone. Each call is a use, and is audited.
   * @throws DomainError `credential_not_found`, `credential_unreadable`
   */
  use(): Promise<string>;
}

const MODEL_KINDS: readonly CredentialKind[] = ['anthropic_api_key', 'claude_oauth_token'];
const PURPOSES: Record<CredentialKind, CredentialUse['purpose']> = {
  anthropic_api_key: 'model',
  claude_oauth_token: 'model',
  git_https_token: 'git',
  ssh_key: 'git',
  http_header: 'http',
};
/** Kinds that never reach a workspace itself, and need a gateway that adds them to requests. */
const OF_GATEWAY: readonly CredentialKind[] = ['git_https_token', 'http_header'];

/** The credentials that containers name. */
@Injectable()
export class ContainerCredentials {
  constructor(
    private readonly credentials: CredentialsRepository,
    private readonly keys: SshKeys,
    private readonly users: UserDirectory,
    private readonly cipher: CredentialCipher,
    private readonly driver: WorkspaceDriver,
    private readonly clock: Clock,
  ) {}

  /**
   * Whether a principal may give these to a container. That of a user is for the containers that the user created.
   * @param container with those that it has already, which it may keep, no matter who gave them
   * @throws DomainError `credential_not_found` also for one of another project or user, `validation_failed` for a
   *   combination of which one would have no effect, `credential_not_usable` for a kind that containers cannot use,
   *   `ssh_key_not_usable`
   */
  async requireUsable(
    principal: Principal,
    container: Pick<ContainerRow, 'projectId' | 'ownerId' | 'sshKeyPath' | 'credentials'>,
    wanted: readonly string[],
  ): Promise<void> {
    if (container.sshKeyPath !== null) await this.keys.assertUsable(container.sshKeyPath);
    const rows = await this.inOrder(wanted);
    const isOwner = container.ownerId === principal.id;
    for (const id of wanted) {
      const row = rows.find((each) => each.id === id);
      const isTheirs =
        row !== undefined &&
        (row.projectId === container.projectId ||
          container.credentials.includes(id) ||
          (isOwner && isOwn(row, principal)));
      if (isTheirs) continue;
      if (row !== undefined) noteRequest({ isHidden: true, target: () => ({ kind: 'credential', id, name: null }) });
      throw credentialNotFound(id);
    }
    const problem = conflictOf(rows, container.sshKeyPath);
    if (problem !== undefined) throw validationFailed([{ field: 'credentials', messages: [problem] }]);
    const unusable = this.driver.capabilities.fence ? undefined : rows.find(({ kind }) => OF_GATEWAY.includes(kind));
    if (unusable !== undefined)
      throw new DomainError(
        'credential_not_usable',
        `Containers of this engine cannot use credentials of the kind ${unusable.kind}.`,
      );
  }

  /** What these containers name, in its order, as far as it is there; by the id of the container. */
  async named(containers: readonly CredentialHolder[]): Promise<Map<string, CredentialRow[]>> {
    const ids = [...new Set(containers.flatMap((container) => container.credentials))];
    const rows = await this.inOrder(ids);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return new Map(
      containers.map(({ id, credentials }) => [id, credentials.flatMap((each) => byId.get(each) ?? [])] as const),
    );
  }

  /**
   * Those that the container may use now: without what was deleted, and without that of a user who is gone, disabled, or no
   * longer a member of the container's project.
   */
  async usable(container: CredentialHolder): Promise<UsableCredential[]> {
    const rows = await this.inOrder(container.credentials);
    const allowed = await Promise.all(rows.map((row) => this.isStillAllowed(row, container)));
    return rows.filter((_, index) => allowed[index]).map((row) => this.toUsable(row, container));
  }

  private async inOrder(ids: readonly string[]): Promise<CredentialRow[]> {
    if (ids.length === 0) return [];
    const rows = await this.credentials.findByIds(ids);
    return rows.toSorted((one, other) => ids.indexOf(one.id) - ids.indexOf(other.id));
  }

  private async isStillAllowed({ projectId, userId }: CredentialRow, container: CredentialHolder): Promise<boolean> {
    if (userId === null) return projectId === container.projectId;
    const user = await this.users.find(userId);
    if (user === null) return false;
    // Members who may create containers there may use credentials in them.
    const identity = identityOfUser(user, { kind: 'session', id: '' });
    return isInScope(scopeOf(identity, 'container:create'), container.projectId);
  }

  private toUsable(row: CredentialRow, container: CredentialHolder): UsableCredential {
    const { id, name, kind, host, username, header } = row;
    const use = async (): Promise<string> => {
      const value = this.open(row);
      const recorded = await this.credentials.recordUse(row, { container, purpose: PURPOSES[kind] }, this.clock.now());
      if (!recorded) throw credentialNotFound(id);
      return value;
    };
    return { id, name, kind, host, username, header, use };
  }

  private open(row: CredentialRow): string {
    try {
      return this.cipher.open(row);
    } catch (error) {
      if (!(error instanceof UnreadableCredentialError)) throw error;
      throw new DomainError('credential_unreadable', error.message, { cause: error });
    }
  }
}

/** The one for Claude Code, if there is one. */
export function modelCredentialOf(usable: UsableCredential[]): UsableCredential | undefined {
  return usable.find(({ kind }) => MODEL_KINDS.includes(kind));
}

function isOwn({ userId }: CredentialRow, principal: Principal): boolean {
  return userId !== null && userId === principal.userId;
}

/** A container has one key for Git over SSH, one credential for Claude Code, and one of each other kind for a host. */
function conflictOf(rows: CredentialRow[], sshKeyPath: string | null): string | undefined {
  const count = (kinds: readonly CredentialKind[]): number => rows.filter(({ kind }) => kinds.includes(kind)).length;
  if (count(['ssh_key']) + (sshKeyPath === null ? 0 : 1) > 1)
    return 'must have no more than one ssh_key, and none beside sshKeyPath';
  if (count(MODEL_KINDS) > 1) return 'must have no more than one anthropic_api_key or claude_oauth_token';
  const places = rows
    .filter(({ kind }) => kind === 'git_https_token' || kind === 'http_header')
    .map(({ kind, host, header }) => `${kind} ${host} ${header?.toLowerCase()}`);
  return new Set(places).size === places.length ? undefined : 'must have no more than one for the same host';
}
