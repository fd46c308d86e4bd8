import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { Settings } from '../config/settings.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { WorkspaceSpec } from '../drivers/workspace.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { WarmPoolRepository } from '../persistence/warm-pool/warm-pool.repository.js';
import { WarmPoolCounters } from './warm-pool-counters.js';
import { WarmPoolKeeper } from './warm-pool-keeper.js';

/** What of a new container says whether it can claim a workspace. */
export type Claimant = Pick<
  ContainerRow,
  | 'template'
  | 'imageReference'
  | 'packages'
  | 'egress'
  | 'dataId'
  | 'snapshotId'
  | 'sshKeyPath'
  | 'gitName'
  | 'gitEmail'
>;

/** A workspace that a container has got. */
export interface ClaimedWorkspace {
  runtimeId: string;
  /** What it was not created with. */
  addedEnv: Record<string, string>;
}

/** Gives new containers workspaces that run already, each to one container alone. */
@Injectable()
export class WarmPool {
  constructor(
    private readonly pool: WarmPoolRepository,
    private readonly keeper: WarmPoolKeeper,
    private readonly driver: WorkspaceDriver,
    private readonly counters: WarmPoolCounters,
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /**
   * Claims a workspace for a container that is about to be stored.
   * @returns its id, which the container gets; null when there is none
   */
  async claim({ template, egress, ...claimant }: Claimant): Promise<string | null> {
    const fenced = egress !== 'open';
    if (!this.settings.warmPool.some((size) => size.template === template && size.fenced === fenced)) return null;
    const { imageReference, packages, dataId, snapshotId, sshKeyPath, gitName, gitEmail } = claimant;
    if (packages.length > 0) return null;
    // An image, a volume, the files of a snapshot, the socket of a Git agent and the configuration of git are given to a workspace when it is created.
    if ([imageReference, dataId, snapshotId, sshKeyPath, gitName, gitEmail].some((value) => value !== null))
      return null;
    const id = await this.pool.claim({ template, fenced }, this.clock.now());
    this.counters.count(id === null ? 'miss' : 'hit');
    this.keeper.noteClaim();
    return id;
  }

  /** Gives back a workspace whose container was not stored. */
  async release(id: string): Promise<void> {
    await this.pool.release(id);
  }

  /**
   * Makes the claimed workspace the one of a container's spec. May be repeated.
   * @returns null when it is not as the spec needs it, or does not run any more: it has to be replaced
   */
  async take(spec: WorkspaceSpec, signal: AbortSignal): Promise<ClaimedWorkspace | null> {
    const found = await this.pool.findById(spec.id);
    if (found?.state !== 'claimed' || found.runtimeId === null) return null;
    const { runtimeId, fingerprint, env } = found;
    const addedEnv = addedTo(env, spec.env);
    if (addedEnv === null || fingerprint !== (await this.driver.fingerprint(spec))) return null;
    return (await this.driver.claim({ id: spec.id, runtimeId }, spec, signal)) ? { runtimeId, addedEnv } : null;
  }
}

/** What has to be added to an environment to get another one. @returns null when that has less */
function addedTo(env: Record<string, string>, wanted: Record<string, string>): Record<string, string> | null {
  if (Object.keys(env).some((name) => wanted[name] === undefined)) return null;
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => env[name] !== value));
}
