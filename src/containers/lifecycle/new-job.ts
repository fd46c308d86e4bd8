import type { ContainerRow, JobRow } from '../../persistence/containers/containers.repository.js';
import type { JobName } from '../../persistence/types.js';

/** The row of a queued job. */
export function newJob(id: string, name: JobName, container: Pick<ContainerRow, 'id' | 'ownerId'>, now: Date): JobRow {
  return {
    id,
    ownerId: container.ownerId,
    containerId: container.id,
    name,
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
