import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { ContainerCredentials } from '../../credentials/container-credentials.js';
import { Settings } from '../../config/settings.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { type EgressChoice, EgressPolicies } from '../../egress/egress-policies.js';
import {
  type ContainerRow,
  ContainersRepository,
  demandOf,
} from '../../persistence/containers/containers.repository.js';
import type { EgressMode } from '../../persistence/types.js';
import { ImagePolicy } from '../../workspace/image-policy.js';
import type { Origin } from './new-container.js';
import type { CreateContainerDto } from '../dto/create-container.dto.js';
import { KeptVolumes } from './kept-volumes.js';

/** Checks what a new container names: its credentials, what it may reach, the volume it attaches, and the engine itself. */
@Injectable()
export class CreatePreconditions {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly driver: WorkspaceDriver,
    private readonly credentials: ContainerCredentials,
    private readonly egress: EgressPolicies,
    private readonly volumes: KeptVolumes,
    private readonly images: ImagePolicy,
    private readonly settings: Settings,
  ) {}

  /**
   * @param isRepeatable the request has an idempotency key, whose first answer comes before any other
   * @throws DomainError for the first thing that is not as it has to be
   */
  async check(
    principal: Principal,
    projectId: string,
    dto: CreateContainerDto,
    isRepeatable: boolean,
  ): Promise<EgressChoice & Pick<ContainerRow, 'dataId' | 'idleStopMinutes'> & { origin: Origin | null }> {
    if (dto.sshKeyPath !== undefined && principal.kind !== 'administrator') throw serverKeyForbidden();
    const made = { projectId, ownerId: principal.id, sshKeyPath: dto.sshKeyPath ?? null, credentials: [] };
    await this.credentials.requireUsable(principal, made, dto.credentials ?? []);
    await this.images.require(projectId, dto.image);
    const egress = this.egress.forNew(dto.mode, dto);
    const dataId = await this.volumeOf(principal, projectId, dto).catch(async (error: unknown) => {
      // Containers are counted when they are stored; a client without room gets that error rather than another.
      if (!isRepeatable) await this.containers.requireQuota(projectId, demandOf({ ...dto, desiredRunning: true }));
      throw error;
    });
    const { idleStopMinutes = this.settings.idleStopMinutes } = dto;
    return { ...egress, dataId, idleStopMinutes, origin: await this.volumes.originOf(projectId, dto) };
  }

  /**
   * What the container gets when its project forbids `open` egress.
   * @throws DomainError `egress_open_forbidden`, `egress_not_supported`
   */
  insteadOfOpen(dto: CreateContainerDto): EgressMode {
    return this.egress.insteadOfOpen(dto);
  }

  /** The kept volume to attach, once the engine is known to answer. @returns null for a new one */
  private async volumeOf(principal: Principal, projectId: string, dto: CreateContainerDto): Promise<string | null> {
    await this.driver.ping();
    return dto.volume === undefined ? null : this.volumes.resolve(principal, projectId, dto.volume);
  }
}

/** The keys on the server are the operator's, and reach whatever that may reach. */
function serverKeyForbidden(): DomainError {
  return new DomainError(
    'forbidden',
    'Only administrators may name a key on the server (sshKeyPath): store a credential of the kind ssh_key (POST /api/credentials), and name it in credentials.',
  );
}
