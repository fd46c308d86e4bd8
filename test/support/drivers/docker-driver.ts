import { SystemClock } from '../../../src/common/time/clock.js';
import type { DockerEndpoint, Settings } from '../../../src/config/settings.js';
import { DockerWorkspaceDriver } from '../../../src/drivers/docker/docker-workspace-driver.js';
import { DockerEngineClient } from '../../../src/drivers/docker/engine/docker-engine-client.js';
import { DockerEgressGateway } from '../../../src/drivers/docker/gateway/docker-egress-gateway.js';
import { WorkspaceImages } from '../../../src/drivers/docker/images/workspace-images.js';
import { UsageSources } from '../../../src/drivers/docker/usage/usage-sources.js';
import { Locks } from '../../../src/persistence/locks.js';
import { TEST_GATEWAY } from '../api/test-gateway.js';
import { workspaceImage } from '../images/workspace-image.js';
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
  const egress = { privateHosts: [], gatewayName: TEST_GATEWAY, outerProxy: null };
  const settings = { docker: ENDPOINT, baseImage, egress, ...overrides } as unknown as Settings;
  const engine = new DockerEngineClient(settings);
  const images = new WorkspaceImages(settings, engine, new NoLocks(), quietLogger());
  const clock = new SystemClock();
  // All tests share one gateway, which has to be built with the certificates of this machine's network.
  const built = { ensure: () => workspaceImage('gateway') } as unknown as WorkspaceImages;
  const gateway = new DockerEgressGateway(engine, built, settings, clock);
  return new DockerWorkspaceDriver(engine, images, new UsageSources(engine, quietLogger()), gateway, clock);
}
