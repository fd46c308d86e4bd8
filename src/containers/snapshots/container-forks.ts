import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { AuditLog } from '../../auth/audit/audit-log.js';
import type { Principal } from '../../auth/principal.js';
import { ContainerCredentials } from '../../credentials/container-credentials.js';
import {
  type ContainerRow,
  ContainersRepository,
  demandOf,
} from '../../persistence/containers/containers.repository.js';
import { CreateContainerDto } from '../dto/create-container.dto.js';
import { ContainerCreator } from '../lifecycle/container-creator.js';
import { ContainerRemoval } from '../lifecycle/container-removal.js';
import { SnapshotMaker } from './snapshot-maker.js';
import { SnapshotStore } from './snapshot-store.js';

/** What is left for the names of copies, of the 63 characters of a name. */
const MAX_PREFIX = 56;
const SUFFIX_BYTES = 3;

/** Makes copies of containers: new ones with the same settings, that begin with the files that it has now. */
@Injectable()
export class ContainerForks {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly maker: SnapshotMaker,
    private readonly snapshots: SnapshotStore,
    private readonly creator: ContainerCreator,
    private readonly removal: ContainerRemoval,
    private readonly credentials: ContainerCredentials,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Each copy begins on a branch of its own, if the files are those of a Git repository.
   * @throws DomainError what a snapshot and a new container are refused with; no copy is left then
   */
  async fork(principal: Principal, row: ContainerRow, count: number): Promise<ContainerRow[]> {
    const demand = Object.entries(demandOf({ ...row, desiredRunning: true }));
    await this.containers.requireQuota(
      row.projectId,
      Object.fromEntries(demand.map(([quota, more]) => [quota, more * count])),
    );
    await this.audit.record('container.fork', row, { count });
    const credentials = ((await this.credentials.named([row])).get(row.id) ?? []).map(({ id }) => id);
    const snapshot = await this.maker.make(row, principal.id, 'fork');
    const copies: ContainerRow[] = [];
    try {
      for (let made = 0; made < count; made++)
        copies.push(await this.copy(principal, { ...row, credentials }, snapshot.id));
      return copies;
    } catch (error) {
      // What is left is removed by the reconciler.
      for (const copy of copies) await this.removal.begin(copy, false).catch(() => undefined);
      throw error;
    } finally {
      this.snapshots.release(snapshot.id);
    }
  }

  private async copy(principal: Principal, row: ContainerRow, snapshotId: string): Promise<ContainerRow> {
    const { id: forkedFrom, repoType, repoUrl, repoBranch, depth, submodules, lfs, setup } = row;
    const repository = { repoType, repoUrl, repoBranch, depth, submodules, lfs, setup };
    const prefix = row.name.slice(0, MAX_PREFIX).replace(/-+$/, '');
    const name = `${prefix}-${randomBytes(SUFFIX_BYTES).toString('hex')}`;
    const origin = { snapshotId, forkedFrom, forkBranch: `fork/${name}`, ...repository };
    return (await this.creator.accept(principal, requestFor(name, row), undefined, origin)).row;
  }
}

/** The request for a container with the settings of another one. A key on the server stays with the one it was given to. */
function requestFor(name: string, row: ContainerRow): CreateContainerDto {
  const {
    projectId,
    template,
    mode,
    imageReference,
    packages,
    gitName,
    gitEmail,
    cpuLimit,
    memoryLimit,
    diskLimit,
    env,
    credentials,
  } = row;
  const { egress, egressAllow, egressSets, budgetUsd, idleStopMinutes, ttlMinutes, waitingStopMinutes } = row;
  const limits = { cpuLimit, memoryLimit, diskLimit, budgetUsd, idleStopMinutes, ttlMinutes, waitingStopMinutes };
  const access = { env, credentials, egress, egressAllow, egressSets };
  const image = { packages, ...(imageReference === null ? {} : { image: imageReference }) };
  const identity = { ...(gitName === null ? {} : { gitName }), ...(gitEmail === null ? {} : { gitEmail }) };
  return Object.assign(new CreateContainerDto(), { name, projectId, template, mode }, image, limits, access, identity);
}
