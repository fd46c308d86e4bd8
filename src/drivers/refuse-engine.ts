import { withTimeout } from '../common/concurrency/with-timeout.js';
import type { Settings } from '../config/settings.js';
import { UnsuitableEngineError } from './driver-error.js';
import { createDockerClient } from './docker/engine/docker-client.js';
import { EngineProfiles } from './docker/engine/profile/engine-profiles.js';

const TIMEOUT_MS = 2_000;

/**
 * For the start, before anything else runs. An engine that is away, or slow, may come.
 * @throws UnsuitableEngineError for one that answers and cannot be used
 */
export async function refuseUnsuitableEngine({ docker }: Pick<Settings, 'docker'>): Promise<void> {
  try {
    await withTimeout(new EngineProfiles(createDockerClient(docker)).get(), TIMEOUT_MS);
  } catch (error) {
    if (error instanceof UnsuitableEngineError) throw error;
  }
}
