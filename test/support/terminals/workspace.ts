import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../../../src/config/settings.js';
import { WorkspaceImages } from '../../../src/drivers/docker/images/workspace-images.js';
import { Locks } from '../../../src/persistence/locks.js';
import type { EngineClient } from '../../../src/drivers/docker/engine/engine-client.js';
import { LABEL_ID } from '../../../src/drivers/docker/labels.js';
import { Engine } from '../api/engine.js';
import { testBundle } from '../e2e/bundle.js';
import { quietLogger } from '../quiet-logger.js';

class NoLocks extends Locks {
  withLock<Result>(_: string, work: () => Promise<Result>): Promise<Result> {
    return work();
  }
}

export interface Workspace {
  dockerId: string;
  remove(): Promise<void>;
}

/** A container of the claude image, which is built when it is missing, with nothing around it. */
export async function startWorkspace(runtime: EngineClient): Promise<Workspace> {
  const image = await claudeImage(runtime);
  const id = randomUUID();
  const { dockerId } = await runtime.containers.create({
    name: `devforge-${id}`,
    image,
    labels: { [LABEL_ID]: id },
    env: {},
    mounts: [],
    network: 'none',
    hostname: 'contract',
    cpuLimit: 1,
    memoryLimit: 512,
    pidsLimit: 256,
  });
  await runtime.containers.start(dockerId);
  return { dockerId, remove: () => new Engine().removeLabelled(id) };
}

async function claudeImage(runtime: EngineClient): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'devforge-image-'));
  try {
    const extraCaCerts = join(folder, 'ca-bundle.pem');
    await writeFile(extraCaCerts, await testBundle());
    const settings = { baseImage: process.env['BASE_IMAGE'] ?? 'debian:bookworm-slim', extraCaCerts } as Settings;
    return await new WorkspaceImages(settings, runtime, new NoLocks(), quietLogger()).ensure(
      'claude',
      () => undefined,
      new AbortController().signal,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
