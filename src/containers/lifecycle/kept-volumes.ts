import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { noteNotFound, projectsOf, requireIn, visibleTo } from '../../auth/project-scope.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { asId } from '../../common/id-generator.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { SnapshotsRepository } from '../../persistence/snapshots/snapshots.repository.js';
import { validationFailed } from '../../http/validation/validation.js';
import { snapshotNotFound } from '../snapshots/snapshot-errors.js';
import type { CreateContainerDto } from '../dto/create-container.dto.js';
import type { Origin } from './new-container.js';
import type { VolumeDto } from '../dto/volume.dto.js';

/** As the engine and the documentation name the volume at `/workspace`. */
const VOLUME_NAME = /^devforge-(?<id>.+)-workspace$/;

/** The files that new containers may begin with: of the volumes that were kept of deleted containers, and of snapshots. */
@Injectable()
export class KeptVolumes {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly driver: WorkspaceDriver,
    private readonly snapshots: SnapshotsRepository,
  ) {}

  /** Latest first. Those that were removed at the engine are left out. */
  async list(principal: Principal, projectId?: string): Promise<VolumeDto[]> {
    const [kept, present] = await Promise.all([
      this.containers.keptVolumes(projectsOf(principal, projectId)),
      this.driver.listData().then((ids) => new Set(ids)),
    ]);
    return kept
      .filter(({ id }) => present.has(id))
      .map(({ keptAt, ...volume }) => ({ ...volume, name: nameOf(volume.id), keptAt: keptAt.toISOString() }));
  }

  /** @param reference the id or the name @throws DomainError `volume_not_found`, `volume_in_use` */
  async remove(principal: Principal, reference: string): Promise<void> {
    const id = idOf(reference);
    const volume = (await this.containers.keptVolumes(visibleTo(principal))).find((kept) => kept.id === id);
    if (volume === undefined) throw notFoundBy(principal, reference);
    requireIn(principal, volume.projectId);
    await this.driver.ping();
    const outcome = await this.containers.releaseVolume(volume.id);
    if (outcome === 'not_found') throw volumeNotFound(reference);
    if (outcome === 'in_use') throw volumeInUse(reference);
    // When this fails, the volume is swept.
    await this.driver.remove(volume.id, { keepData: false });
  }

  /** The id of a kept volume of a project. @throws DomainError `volume_not_found`, also for that of another project */
  async resolve(principal: Principal, projectId: string, reference: string): Promise<string> {
    const id = idOf(reference);
    const isKept = id !== undefined && (await this.containers.keptVolumes([projectId])).some((kept) => kept.id === id);
    if (!isKept) throw notFoundBy(principal, reference);
    if (!(await this.driver.listData()).includes(id)) throw volumeNotFound(reference);
    return id;
  }

  /** The snapshot to begin with. @throws DomainError `snapshot_not_found`, `validation_failed` for one of another template */
  async originOf(projectId: string, { fromSnapshot, template }: CreateContainerDto): Promise<Origin | null> {
    if (fromSnapshot === undefined) return null;
    const found = await this.snapshots.findById(fromSnapshot, [projectId]);
    if (found === null) {
      noteNotFound([projectId], { kind: 'snapshot', id: fromSnapshot, name: null });
      throw snapshotNotFound(fromSnapshot);
    }
    if (found.template !== template)
      throw validationFailed([
        { field: 'template', messages: [`template must be ${found.template}, as of the snapshot`] },
      ]);
    const { id: snapshotId, repoType, repoUrl, repoBranch } = found;
    return { snapshotId, forkedFrom: null, forkBranch: null, repoType, repoUrl, repoBranch };
  }
}

function notFoundBy(principal: Principal, reference: string): DomainError {
  const id = idOf(reference);
  if (id !== undefined) noteNotFound(visibleTo(principal), { kind: 'volume', id, name: null });
  return volumeNotFound(reference);
}

export function volumeNotFound(reference: string): DomainError {
  return new DomainError('volume_not_found', `There is no kept volume "${reference}".`);
}

export function volumeInUse(reference: string): DomainError {
  return new DomainError('volume_in_use', `The volume "${reference}" is attached to a container.`);
}

function nameOf(id: string): string {
  return `devforge-${id}-workspace`;
}

function idOf(reference: string): string | undefined {
  return asId(VOLUME_NAME.exec(reference)?.groups?.['id'] ?? reference);
}
