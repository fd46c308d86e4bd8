import type Dockerode from 'dockerode';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { firstEntry } from './first-entry.js';
import {
  type ArchivedFile,
  type ContainerLimits,
  type ContainerSpec,
  type DiskFootprint,
  type InspectedContainer,
  type MountedVolume,
  type ObservedContainer,
  type ObservedState,
  EngineContainers,
} from './engine-client.js';
import type { ExecRequest, ExecResult, ProcessRequest, WorkspaceProcess } from '../../workspace-process.js';
import type { LogRecord, LogRequest } from '../../workspace-logs.js';
import type { UsageRecord } from '../../workspace-usage.js';
import { DriverError } from '../../driver-error.js';
import { LABEL_ID } from '../labels.js';
import { limitsOf, resources, toCreateOptions } from './container-profile.js';
import { readLogs } from './logs/docker-logs.js';
import { execInContainer } from './exec/docker-exec.js';
import { openProcess } from './exec/docker-process.js';
import { readUsage } from '../usage/docker-usage.js';
import { DEADLINE, engineCall, statusOf, toDriverError, withoutValues } from './engine-call.js';
import { familiarName } from './image-name.js';
import type { EngineProfiles } from './profile/engine-profiles.js';

const NOT_MODIFIED = 304;
const NOT_FOUND = 404;
const CONFLICT = 409;
/** Of a path, in the engine's list of changes. */
const DELETED = 2;
const MAX_NAME_LOOKUPS = 40;
const NAME_LOOKUP_MS = 50;

export class DockerContainers extends EngineContainers {
  /** @param streaming a client of the same engine for logs */
  constructor(
    private readonly docker: Dockerode,
    private readonly streaming: Dockerode,
    private readonly profiles: EngineProfiles,
  ) {
    super();
  }

  async create(spec: ContainerSpec): Promise<{ dockerId: string; created: boolean }> {
    const profile = await this.profiles.get();
    return engineCall(`create container ${spec.name}`, DEADLINE.write, async (abortSignal) => {
      try {
        const container = await this.docker.createContainer({ ...toCreateOptions(spec, profile), abortSignal });
        return { dockerId: container.id, created: true };
      } catch (error) {
        if (statusOf(error) !== CONFLICT)
          throw withoutValues(toDriverError(`create container ${spec.name}`, error), spec.env);
        const existing = await this.named(spec.name, abortSignal);
        if (existing === null)
          throw new DriverError('failed', `the name ${spec.name} is taken, and no container has it`, { cause: error });
        if (existing.labels[LABEL_ID] !== spec.labels[LABEL_ID]) {
          throw new DriverError(
            'foreign',
            `the name ${spec.name} belongs to a container that DevForge did not create`,
            {
              cause: error,
            },
          );
        }
        return { dockerId: existing.dockerId, created: false };
      }
    });
  }

  async start(dockerId: string): Promise<void> {
    await this.change('start', dockerId, [NOT_MODIFIED], (container, abortSignal) => container.start({ abortSignal }));
  }

  async stop(dockerId: string, graceSeconds: number): Promise<void> {
    await this.change('stop', dockerId, [NOT_MODIFIED], (container, abortSignal) =>
      container.stop({ t: graceSeconds, abortSignal }),
    );
  }

  async pause(dockerId: string): Promise<void> {
    await this.change('pause', dockerId, [], (container, abortSignal) =>
      unless(container, 'paused', container.pause({ abortSignal }), abortSignal),
    );
  }

  async unpause(dockerId: string): Promise<void> {
    await this.change('unpause', dockerId, [], (container, abortSignal) =>
      unless(container, 'running', container.unpause({ abortSignal }), abortSignal),
    );
  }

  async remove(dockerIdOrName: string): Promise<void> {
    await this.change('remove', dockerIdOrName, [NOT_FOUND], async (container, abortSignal) => {
      try {
        await container.remove({ force: true, v: true, abortSignal });
      } catch (error) {
        // Another removal is under way, and finished when the container is gone.
        if (statusOf(error) !== CONFLICT) throw error;
        await container.wait({ condition: 'removed', abortSignal });
      }
    });
  }

  async inspect(dockerIdOrName: string): Promise<InspectedContainer | null> {
    return engineCall(`inspect container ${dockerIdOrName}`, DEADLINE.read, async (abortSignal) => {
      try {
        return toInspected(await this.docker.getContainer(dockerIdOrName).inspect({ abortSignal }));
      } catch (error) {
        if (statusOf(error) === NOT_FOUND) return null;
        throw error;
      }
    });
  }

  async list(label: string): Promise<ObservedContainer[]> {
    return engineCall('list containers', DEADLINE.read, async (abortSignal) => {
      const containers = await this.docker.listContainers({ all: true, filters: { label: [label] }, abortSignal });
      return containers.map((container) => ({
        dockerId: container.Id,
        name: (container.Names[0] ?? '').replace(/^\//, ''),
        image: familiarName(container.Image),
        labels: container.Labels,
        state: toState(container.State),
      }));
    });
  }

  exec(dockerId: string, request: ExecRequest): Promise<ExecResult> {
    return execInContainer(this.docker, dockerId, request);
  }

  open(dockerId: string, request: ProcessRequest): Promise<WorkspaceProcess> {
    return openProcess(this.docker, dockerId, request);
  }

  usage(dockerId: string, signal: AbortSignal): AsyncIterable<UsageRecord> {
    return readUsage(this.docker, dockerId, signal);
  }

  async *logs(dockerId: string, request: LogRequest): AsyncIterable<LogRecord[]> {
    const { log } = await this.profiles.get();
    yield* readLogs(this.streaming, dockerId, request, log ?? undefined);
  }

  async update(dockerId: string, { cpuLimit, memoryLimit }: ContainerLimits): Promise<void> {
    await engineCall(`update container ${dockerId}`, DEADLINE.write, (abortSignal) =>
      this.docker.getContainer(dockerId).update({ ...resources(cpuLimit, memoryLimit), abortSignal }),
    );
  }

  async diskFootprint(dockerId: string): Promise<DiskFootprint> {
    return engineCall(`measure container ${dockerId}`, DEADLINE.files, async (abortSignal) => {
      const { SizeRw, Mounts } = await this.docker.getContainer(dockerId).inspect({ size: true, abortSignal });
      return { writableLayerBytes: SizeRw ?? 0, volumes: toVolumes(Mounts) };
    });
  }

  async changedPaths(dockerId: string): Promise<string[]> {
    return engineCall(`read container ${dockerId}`, DEADLINE.files, async () => {
      const changes = (await this.docker.getContainer(dockerId).changes()) as { Path: string; Kind: number }[] | null;
      return (changes ?? []).filter(({ Kind }) => Kind !== DELETED).map(({ Path }) => Path);
    });
  }

  async readFolder(dockerId: string, folder: string): Promise<Readable> {
    const stream = await engineCall(`read container ${dockerId}`, DEADLINE.write, () =>
      this.docker.getContainer(dockerId).getArchive({ path: `${folder}/.` }),
    );
    return stream as unknown as Readable;
  }

  async readFile(dockerId: string, path: string, maxBytes: number): Promise<ArchivedFile | null> {
    return engineCall(`read container ${dockerId}`, DEADLINE.write, async (abortSignal) => {
      try {
        const stream = await this.docker.getContainer(dockerId).getArchive({ path, abortSignal });
        return await firstEntry(stream as unknown as Readable, maxBytes);
      } catch (error) {
        if (statusOf(error) === NOT_FOUND) return null;
        throw error;
      }
    });
  }

  async writeFolder(dockerId: string, folder: string, tar: Readable): Promise<void> {
    await engineCall(`write container ${dockerId}`, DEADLINE.files, async (abortSignal) => {
      const container = this.docker.getContainer(dockerId);
      await container.putArchive(tar as NodeJS.ReadableStream, { path: folder, abortSignal });
    });
  }

  /** The container of that name. The engine reserves a name a moment before it shows the container. */
  private async named(name: string, signal: AbortSignal): Promise<InspectedContainer | null> {
    for (let lookup = 0; lookup < MAX_NAME_LOOKUPS && !signal.aborted; lookup++) {
      const found = await this.inspect(name);
      if (found !== null) return found;
      await delay(NAME_LOOKUP_MS);
    }
    return null;
  }

  private async change(
    what: 'start' | 'stop' | 'pause' | 'unpause' | 'remove',
    dockerId: string,
    alreadyThere: number[],
    act: (container: Dockerode.Container, signal: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    await engineCall(`${what} container ${dockerId}`, DEADLINE.write, async (signal) => {
      try {
        await act(this.docker.getContainer(dockerId), signal);
      } catch (error) {
        if (!alreadyThere.includes(statusOf(error) ?? 0)) throw error;
      }
    });
  }
}

/** Engine versions refuse differently when the container is in the wanted state already, so the state itself is checked. */
async function unless(
  container: Dockerode.Container,
  state: ObservedState,
  act: Promise<unknown>,
  abortSignal: AbortSignal,
): Promise<void> {
  try {
    await act;
  } catch (error) {
    if (statusOf(error) === undefined || statusOf(error) === NOT_FOUND) throw error;
    const { State: present } = await container.inspect({ abortSignal });
    if (toState(present.Status) !== state) throw error;
  }
}

function toState(state: string): ObservedState {
  switch (state) {
    case 'running':
    case 'restarting':
      return 'running';
    case 'created':
    case 'paused':
    case 'exited':
      return state;
    default:
      return 'dead';
  }
}

function toInspected(inspected: Dockerode.ContainerInspectInfo): InspectedContainer {
  const { State: state } = inspected;
  return {
    dockerId: inspected.Id,
    name: inspected.Name.replace(/^\//, ''),
    image: familiarName(inspected.Config.Image),
    labels: inspected.Config.Labels,
    state: toState(state.Status),
    pid: state.Pid,
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    startedAt: toDate(state.StartedAt),
    finishedAt: toDate(state.FinishedAt),
    network: inspected.HostConfig.NetworkMode ?? '',
    networks: Object.keys(inspected.NetworkSettings.Networks ?? {}).filter((name) => name !== 'none'),
    addresses: Object.fromEntries(
      Object.entries(inspected.NetworkSettings.Networks ?? {}).flatMap(([name, network]) =>
        network?.IPAddress ? [[name, network.IPAddress]] : [],
      ),
    ),
    volumes: toVolumes(inspected.Mounts),
    limits: limitsOf(inspected.HostConfig),
  };
}

function toVolumes(mounts: Dockerode.ContainerInspectInfo['Mounts']): MountedVolume[] {
  return mounts.flatMap(({ Name, Destination, RW }) =>
    Name === undefined ? [] : [{ name: Name, target: Destination, readOnly: !RW }],
  );
}

/** The engine uses year 1 for "never". */
function toDate(text: string): Date | null {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() <= 1 ? null : date;
}
