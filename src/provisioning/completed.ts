import type { JobPatch } from '../persistence/containers/containers.repository.js';

/** What a job shows once the container runs. */
export function completed(finishedAt: Date): JobPatch {
  return { state: 'completed', progress: 100, message: null, finishedAt };
}
