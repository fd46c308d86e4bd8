import { DriverError } from '../driver-error.js';
import type { WorkspaceProcess } from '../workspace-process.js';
import type { SavedSnapshot } from '../workspace-driver.js';
import { HOME_FOLDER, STATE_FOLDER, WORKSPACE_FOLDER, type WorkspaceRef, type WorkspaceSpec } from '../workspace.js';
import { COPY_FROM, COPY_TO, snapshotCarrierContainer } from './container-specs.js';
import type { EngineClient, InspectedContainer, VolumeMount } from './engine/engine-client.js';
import { LABEL_SNAPSHOT } from './labels.js';
import { snapshotVolume } from './names.js';
import { failureOf, ProcessLines } from './process-lines.js';
import { isUp } from './workspace-creation.js';
import type { WorkspaceObjects } from './workspace-objects.js';

const PROGRAM = ['python3', '-IS', '/usr/local/lib/devforge/tools/snapshot.py'];
/** The folders of a workspace that are volumes, by the name that they have in a snapshot. */
const VOLUMES = { workspace: WORKSPACE_FOLDER, home: HOME_FOLDER, state: STATE_FOLDER } as const;
/** What the user of a workspace can write to outside of its volumes and of memory. */
const SYSTEM_FOLDER = '/var/tmp';
const SYSTEM_COPY = 'system';
const RESTORE_TIMEOUT_MS = 60 * 60_000;

/**
 * Snapshots of workspaces, each a volume of its own. Files are copied by a container that mounts the volumes of both, twice:
 * first while they change, then what has changed meanwhile, during a pause.
 */
export class WorkspaceSnapshots {
  constructor(
    private readonly engine: EngineClient,
    private readonly objects: WorkspaceObjects,
  ) {}

  async save(ref: WorkspaceRef, snapshotId: string, image: string, signal: AbortSignal): Promise<SavedSnapshot> {
    const workspace = await this.objects.inspectWorkspace(ref.id);
    if (workspace?.dockerId !== ref.runtimeId) throw new DriverError('not_found', `save ${ref.id}: no such workspace`);
    const { name, labels } = snapshotVolume(snapshotId);
    await this.engine.volumes.ensure(name, labels);
    const mounts = volumesOf(workspace).map((mount) => ({
      ...mount,
      readOnly: true,
      target: `${COPY_FROM}/${mount.target}`,
    }));
    const copy = { volume: name, target: COPY_TO, noCopy: true, labels };
    return this.withCarrier({ id: ref.id, image, snapshotId }, [...mounts, copy], async (carrier) => {
      const process = await this.engine.containers.open(carrier, {
        argv: [...PROGRAM, 'save', COPY_FROM, COPY_TO],
        signal,
      });
      const cancel = (): void => process.close();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        return await this.follow(process, workspace, carrier);
      } finally {
        signal.removeEventListener('abort', cancel);
        process.close();
      }
    });
  }

  async restore({ id }: WorkspaceSpec, snapshotId: string, image: string, signal: AbortSignal): Promise<void> {
    const workspace = await this.objects.inspectWorkspace(id);
    if (workspace === null) throw new DriverError('not_found', `restore ${id}: no such workspace`);
    if (isUp(workspace)) throw new DriverError('conflict', `restore ${id}: the workspace runs`);
    const { name, labels } = snapshotVolume(snapshotId);
    if (!(await this.engine.volumes.exists(name)))
      throw new DriverError('not_found', `restore ${id}: no snapshot ${snapshotId}`);
    const mounts = volumesOf(workspace).map((mount) => ({
      ...mount,
      noCopy: true,
      target: `${COPY_TO}/${mount.target}`,
    }));
    const copy = { volume: name, target: COPY_FROM, readOnly: true, noCopy: true, labels };
    await this.withCarrier({ id, image, snapshotId }, [...mounts, copy], async (carrier) => {
      const argv = [...PROGRAM, 'restore', COPY_FROM, COPY_TO];
      const { exitCode, stdout, stderr } = await this.engine.containers.exec(carrier, {
        argv,
        timeoutMs: RESTORE_TIMEOUT_MS,
        signal,
      });
      if (exitCode !== 0) throw failureOf(`restore ${id}`, stderr);
      const { system } = JSON.parse(stdout) as { system: boolean };
      if (system) await this.copyFolder(carrier, `${COPY_FROM}/${SYSTEM_COPY}`, workspace.dockerId, SYSTEM_FOLDER);
    });
  }

  async remove(snapshotId: string): Promise<void> {
    const carriers = await this.engine.containers.list(`${LABEL_SNAPSHOT}=${snapshotId}`);
    await Promise.all(carriers.map(({ dockerId }) => this.engine.containers.remove(dockerId)));
    await this.objects.removeVolume(snapshotVolume(snapshotId).name);
  }

  private async follow(
    process: WorkspaceProcess,
    { dockerId, state }: InspectedContainer,
    carrier: string,
  ): Promise<SavedSnapshot> {
    const lines = new ProcessLines(process);
    await lines.expect('copied');
    const changed = await this.engine.containers.changedPaths(dockerId);
    const hasSystem = changed.some((path) => path.startsWith(`${SYSTEM_FOLDER}/`));
    const isPausing = state === 'running';
    const from = performance.now();
    if (isPausing) await this.engine.containers.pause(dockerId);
    let pausedMs: number;
    try {
      process.stdin.write('go on\n');
      await lines.expect('finished');
      if (hasSystem) await this.copyFolder(dockerId, SYSTEM_FOLDER, carrier, `${COPY_TO}/${SYSTEM_COPY}`);
    } finally {
      if (isPausing) await this.engine.containers.unpause(dockerId);
      pausedMs = isPausing ? Math.round(performance.now() - from) : 0;
    }
    process.stdin.write('measure\n');
    const { bytes } = JSON.parse(await lines.next()) as { bytes: number };
    return { bytes, pausedMs };
  }

  private async copyFolder(from: string, folder: string, to: string, target: string): Promise<void> {
    const content = await this.engine.containers.readFolder(from, folder);
    try {
      await this.engine.containers.writeFolder(to, target, content);
    } finally {
      content.destroy();
    }
  }

  private async withCarrier<Result>(
    of: { id: string; image: string; snapshotId: string },
    mounts: VolumeMount[],
    work: (carrier: string) => Promise<Result>,
  ): Promise<Result> {
    // Of a process that died.
    await this.objects.removeSidecar(of.id, 'snapshot');
    const engine = await this.engine.system.info();
    const { dockerId } = await this.engine.containers.create(snapshotCarrierContainer(of, mounts, engine));
    try {
      await this.engine.containers.start(dockerId);
      return await work(dockerId);
    } finally {
      await this.engine.containers.remove(dockerId);
    }
  }
}

/** The volumes of a workspace, each with its name in a snapshot as the target. @throws DriverError `outdated` without a home volume */
function volumesOf({ volumes, name }: InspectedContainer): VolumeMount[] {
  return Object.entries(VOLUMES).map(([part, target]) => {
    const found = volumes.find((volume) => volume.target === target);
    if (found === undefined) throw new DriverError('outdated', `${name} has no volume at ${target}`);
    return { volume: found.name, target: part, labels: {} };
  });
}
