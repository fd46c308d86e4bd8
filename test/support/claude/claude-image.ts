import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../../../src/config/settings.js';
import { WorkspaceImages } from '../../../src/drivers/docker/images/workspace-images.js';
import { DockerEngineClient } from '../../../src/drivers/docker/engine/docker-engine-client.js';
import { testBundle } from '../e2e/bundle.js';
import { GOOD_BASE } from '../faults/base-images.js';
import { quietLogger } from '../quiet-logger.js';

/** The workspace image of template `claude`, which servers under test share. It is built when it is missing. */
export async function claudeImage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'devforge-image-'));
  try {
    const extraCaCerts = join(folder, 'ca-bundle.pem');
    await writeFile(extraCaCerts, await testBundle());
    const docker = { kind: 'socket', socketPath: process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock' };
    const settings = { docker, extraCaCerts, baseImage: GOOD_BASE } as Settings;
    const locks = { withLock: <Result>(_name: string, work: () => Promise<Result>) => work() };
    const images = new WorkspaceImages(settings, new DockerEngineClient(settings), locks, quietLogger());
    return await images.ensure('claude', () => undefined, new AbortController().signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
