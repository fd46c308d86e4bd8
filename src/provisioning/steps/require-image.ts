import { JobFailure } from '../../common/errors/job-failure.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';

/** @throws JobFailure when no image was chosen yet, which an earlier step does */
export function requireImage(row: ContainerRow): string {
  if (row.image === null)
    throw new JobFailure('image_unknown', 'No image was chosen for the container.', { retryable: true });
  return row.image;
}
