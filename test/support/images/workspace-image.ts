import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../../../src/config/settings.js';
import { DockerEngineClient } from '../../../src/drivers/docker/engine/docker-engine-client.js';
import type { ImageTarget } from '../../../src/drivers/docker/images/build-context.js';
import { WorkspaceImages } from '../../../src/drivers/docker/images/workspace-images.js';
import { testBundle } from '../e2e/bundle.js';
import { GOOD_BASE } from '../faults/base-images.js';
import { quietLogger } from '../quiet-logger.js';

/**
 * The workspace image of a template that the servers under test use as well; built when it is missing.
 *
 * @returns its reference
 */
export async function workspaceImage(template: ImageTarget): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'devforge-image-'));
  try {
    const extraCaCerts = join(folder, 'ca-bundle.pem');
    await writeFile(extraCaCerts, await testBundle());
    const docker = { kind: 'socket', socketPath: process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock' };
    const settings = { docker, extraCaCerts, baseImage: GOOD_BASE } as Settings;
    const unlocked = { withLock: <Result>(_name: string, work: () => Promise<Result>) => work() };
    const images = new WorkspaceImages(settings, new DockerEngineClient(settings), unlocked, quietLogger());
    return await images.ensure(template, () => undefined, new AbortController().signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
