import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { noteNotFound, projectsOf, requireIn, visibleTo } from '../../auth/project-scope.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { asId } from '../../common/id-generator.js';
import { type SnapshotRow, SnapshotsRepository } from '../../persistence/snapshots/snapshots.repository.js';
import { ContainersService } from '../containers.service.js';
import { SnapshotMaker } from './snapshot-maker.js';
import { SnapshotStore } from './snapshot-store.js';
import { snapshotNotFound } from './snapshot-errors.js';

/** Snapshots as callers see them: those that are kept and complete. */
@Injectable()
export class SnapshotsService {
  constructor(
    private readonly snapshots: SnapshotsRepository,
    private readonly containers: ContainersService,
    private readonly maker: SnapshotMaker,
    private readonly store: SnapshotStore,
  ) {}

  /** @param container id or name */
  async create(principal: Principal, container: string): Promise<SnapshotRow> {
    return this.maker.make(await this.containers.find(principal, container), principal.id, 'kept');
  }

  async listOf(principal: Principal, container: string): Promise<SnapshotRow[]> {
    const { id, projectId } = await this.containers.find(principal, container);
    return this.snapshots.list([projectId], id);
  }

  /** Of removed containers as well. */
  list(principal: Principal, projectId?: string): Promise<SnapshotRow[]> {
    return this.snapshots.list(projectsOf(principal, projectId));
  }

  /** @throws DomainError `snapshot_not_found`, `snapshot_in_use` */
  async remove(principal: Principal, reference: string): Promise<void> {
    const id = asId(reference);
    const scope = visibleTo(principal);
    const row = id === undefined ? null : await this.snapshots.findById(id, scope);
    if (row === null) {
      noteNotFound(scope);
      throw snapshotNotFound(reference);
    }
    requireIn(principal, row.projectId);
    const outcome = await this.store.discard(row.id);
    if (outcome === 'not_found') throw snapshotNotFound(reference);
    if (outcome === 'in_use')
      throw new DomainError('snapshot_in_use', 'A new container is about to get its files; try again shortly.', {
        retryAfterSeconds: 1,
      });
  }
}
