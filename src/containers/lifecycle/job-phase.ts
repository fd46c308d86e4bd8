import type { ContainerStatus, JobName } from '../../persistence/types.js';

/** Where the clone begins in a job that has one, in percent of the whole job. */
export const CLONE_FROM_PERCENT = 50;

/** The queue whose worker continues the job of a container with this status: one job passes through both. */
export function jobPhase({ status }: { status: ContainerStatus }): JobName {
  return status === 'cloning' ? 'clone' : 'create';
}

/** Whether the job ends with a clone. */
export function needsClone({ repoType, workspaceReady }: { repoType: string; workspaceReady: boolean }): boolean {
  return repoType === 'clone' && !workspaceReady;
}
