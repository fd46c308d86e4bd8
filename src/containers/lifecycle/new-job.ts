import type { ContainerRow, JobRow } from '../../persistence/containers/containers.repository.js';

/** The row of a queued job, which provisions the container until it runs. */
export function newJob(id: string, container: Pick<ContainerRow, 'id' | 'ownerId' | 'projectId'>, now: Date): JobRow {
  return {
    id,
    ownerId: container.ownerId,
    projectId: container.projectId,
    containerId: container.id,
    name: 'create',
    state: 'queued',
    step: null,
    progress: 0,
    message: null,
    attempts: 0,
    failures: 0,
    error: null,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
}
