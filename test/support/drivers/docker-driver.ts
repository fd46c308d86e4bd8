import { SystemClock } from '../../../src/common/time/clock.js';
import type { DockerEndpoint, Settings } from '../../../src/config/settings.js';
import { DockerWorkspaceDriver } from '../../../src/drivers/docker/docker-workspace-driver.js';
import { DockerEngineClient } from '../../../src/drivers/docker/engine/docker-engine-client.js';
import { WorkspaceImages } from '../../../src/drivers/docker/images/workspace-images.js';
import { UsageSources } from '../../../src/drivers/docker/usage/usage-sources.js';
import { Locks } from '../../../src/persistence/locks.js';
import { quietLogger } from '../quiet-logger.js';

const ENDPOINT: DockerEndpoint = {
  kind: 'socket',
  socketPath: process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock',
};

class NoLocks extends Locks {
  withLock<Result>(_: string, work: () => Promise<Result>): Promise<Result> {
    return work();
  }
}

/** The Docker driver without the rest of DevForge. */
export function dockerDriver(overrides: Partial<Settings> = {}): DockerWorkspaceDriver {
  const baseImage = process.env['BASE_IMAGE'] ?? 'debian:bookworm-slim';
  const settings = { docker: ENDPOINT, baseImage, ...overrides } as Settings;
  const engine = new DockerEngineClient(settings);
  const images = new WorkspaceImages(settings, engine, new NoLocks(), quietLogger());
  return new DockerWorkspaceDriver(engine, images, new UsageSources(engine, quietLogger()), new SystemClock());
}
