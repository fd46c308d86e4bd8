import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack, type Pack } from 'tar-stream';
import { HOME_FOLDER } from '../workspace.js';
import { homeCarrierContainer } from './container-specs.js';
import type { EngineClient } from './engine/engine-client.js';
import { namesOf } from './names.js';
import type { WorkspaceObjects } from './workspace-objects.js';

/** Moves the home directory of a workspace of release 0.1.0, which is in its writable layer, to a volume. */
export class HomeCarrier {
  constructor(
    private readonly engine: EngineClient,
    private readonly objects: WorkspaceObjects,
  ) {}

  /**
   * Fills the home volume with what the image has in it, and then with what was added or changed in the stopped container.
   * Until that container is removed this can be repeated from the start.
   */
  async carry(dockerId: string, id: string, image: string): Promise<void> {
    const { homeVolume } = namesOf(id);
    await this.objects.removeSidecar(id, 'home-carrier');
    await this.objects.ensureVolumes(id, [homeVolume]);
    await this.objects.removeVolume(homeVolume);
    await this.objects.ensureVolumes(id, [homeVolume]);
    const { dockerId: carrier } = await this.engine.containers.create(homeCarrierContainer(id, image));
    const changed = new Set(await this.engine.containers.changedPaths(dockerId));
    if (changed.has(HOME_FOLDER)) {
      const content = await this.engine.containers.readFolder(dockerId, HOME_FOLDER);
      try {
        await this.engine.containers.writeFolder(carrier, HOME_FOLDER, filtered(content, changed));
      } finally {
        content.destroy();
      }
    }
    await this.objects.removeSidecar(id, 'home-carrier');
  }
}

/** The entries of a tar stream of the home directory whose paths are among those given. */
function filtered(tar: Readable, paths: ReadonlySet<string>): Readable {
  const [entries, kept] = [extract(), pack()];
  Promise.all([pipeline(tar, entries), copy(entries, kept, paths)]).catch((error: Error) => kept.destroy(error));
  return kept as unknown as Readable;
}

async function copy(entries: ReturnType<typeof extract>, kept: Pack, paths: ReadonlySet<string>): Promise<void> {
  for await (const entry of entries) {
    const path = posix.join(HOME_FOLDER, entry.header.name).replace(/\/$/, '');
    if (paths.has(path)) await pipeline(entry, kept.entry(entry.header));
    else entry.resume();
  }
  kept.finalize();
}
