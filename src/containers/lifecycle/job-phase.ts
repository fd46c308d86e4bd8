import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { ContainerStatus, JobName } from '../../persistence/types.js';

/** Where the clone begins in a job that has one, in percent of the whole job. */
export const CLONE_FROM_PERCENT = 50;

/** The queue whose worker continues the job of a container with this status: one job passes through both. */
export function jobPhase({ status }: { status: ContainerStatus }): JobName {
  return status === 'cloning' ? 'clone' : 'create';
}

/** Whether the job ends with a clone, or the set-up of the workspace. The files of a snapshot are there before. */
export function needsClone({
  repoType,
  setup,
  workspaceReady,
  snapshotId,
}: Pick<ContainerRow, 'repoType' | 'setup' | 'workspaceReady' | 'snapshotId'>): boolean {
  return (repoType === 'clone' || setup !== null) && !workspaceReady && snapshotId === null;
}
