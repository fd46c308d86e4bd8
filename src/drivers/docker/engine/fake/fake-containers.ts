import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ArchivedFile,
  type ContainerLimits,
  type ContainerSpec,
  type DiskFootprint,
  type InspectedContainer,
  type MountedVolume,
  type ObservedContainer,
  EngineContainers,
} from '../engine-client.js';
import type { ExecRequest, ExecResult, WorkspaceProcess } from '../../../workspace-process.js';
import type { LogRecord } from '../../../workspace-logs.js';
import { DriverError } from '../../../driver-error.js';
import type { UsageRecord } from '../../../workspace-usage.js';
import { LABEL_ID } from '../../labels.js';
import type { FakeSystem } from './fake-system.js';
import { type FakeExecHandler, playExec } from '../../../fake/fake-exec.js';
import type { FakeFaults } from '../../../fake/fake-faults.js';
import { type FakeEngineCall, matchesLabel } from './fake-calls.js';
import type { FakeImages } from './fake-images.js';
import type { FakeNetworks } from './fake-networks.js';
import type { FakeVolumes } from './fake-volumes.js';

const KILLED = 137;
const POLL_MS = 5;
const USAGE_EVERY_MS = 1_000;

export interface FakeContainer extends Omit<
  InspectedContainer,
  'network' | 'networks' | 'addresses' | 'volumes' | 'limits'
> {
  spec: ContainerSpec;
  writableLayerBytes: number;
  usage: Omit<UsageRecord, 'at' | 'monotonicMs'>;
}

export interface FakeEngineParts {
  faults: FakeFaults<FakeEngineCall>;
  system: FakeSystem;
  images: FakeImages;
  volumes: FakeVolumes;
  networks: FakeNetworks;
}

export class FakeContainers extends EngineContainers {
  /** Every command that was run, in order. */
  readonly execs: { dockerId: string; request: ExecRequest }[] = [];
  /** Plays the commands; by default each exits with 0 at once. */
  onExec: FakeExecHandler = () => ({ exitCode: 0 });
  /** Called for every container that was just started. */
  onStart: (container: FakeContainer) => void = () => undefined;
  /** Files of images, by the image's reference or id and by their path. */
  readonly files = new Map<string, Record<string, ArchivedFile>>();
  private readonly present = new Map<string, FakeContainer>();
  /** Those whose interface was taken away. */
  private readonly disconnected = new Set<string>();
  private made = 0;

  constructor(private readonly engine: FakeEngineParts) {
    super();
    engine.networks.onDisconnect = (_name, dockerId) => void this.disconnected.add(dockerId);
    engine.volumes.usedBy = () =>
      [...this.present.values()].flatMap(({ spec }) => spec.mounts.map(({ volume }) => volume));
  }

  async create(spec: ContainerSpec): Promise<{ dockerId: string; created: boolean }> {
    await this.engine.faults.pass('containers.create');
    const existing = this.find(spec.name);
    if (existing !== undefined) {
      if (existing.labels[LABEL_ID] === spec.labels[LABEL_ID]) return { dockerId: existing.dockerId, created: false };
      throw new DriverError('foreign', `the name ${spec.name} belongs to a container that DevForge did not create`);
    }
    if (!this.engine.images.has(spec.image))
      throw new DriverError('not_found', `create container ${spec.name}: no such image`);
    return { dockerId: this.add(spec).dockerId, created: true };
  }

  async start(dockerId: string): Promise<void> {
    const container = await this.existing('containers.start', dockerId);
    if (container.state === 'running') return;
    if (!this.engine.networks.has(container.spec.network))
      throw new DriverError('not_found', `start container ${dockerId}: no such network`);
    this.disconnected.delete(dockerId);
    Object.assign(container, { state: 'running', startedAt: new Date(), exitCode: 0, oomKilled: false });
    this.emit('start', container);
    this.onStart(container);
  }

  async stop(dockerId: string, _graceSeconds: number): Promise<void> {
    const container = await this.existing('containers.stop', dockerId);
    if (!isUp(container)) return;
    this.exit(container.dockerId, KILLED);
    this.emit('stop', container);
  }

  async pause(dockerId: string): Promise<void> {
    const container = await this.existing('containers.pause', dockerId);
    if (container.state !== 'running') return;
    container.state = 'paused';
    this.emit('pause', container);
  }

  async unpause(dockerId: string): Promise<void> {
    const container = await this.existing('containers.unpause', dockerId);
    if (container.state !== 'paused') return;
    container.state = 'running';
    this.emit('unpause', container);
  }

  async remove(dockerIdOrName: string): Promise<void> {
    await this.engine.faults.pass('containers.remove');
    this.vanish(dockerIdOrName);
  }

  async inspect(dockerIdOrName: string): Promise<InspectedContainer | null> {
    await this.engine.faults.pass('containers.inspect');
    const container = this.find(dockerIdOrName);
    if (container === undefined) return null;
    const { spec, writableLayerBytes: _layer, usage: _usage, ...shown } = container;
    const networks = spec.network === 'none' || this.disconnected.has(container.dockerId) ? [] : [spec.network];
    const addresses = Object.fromEntries(isUp(container) ? networks.map((name) => [name, '192.0.2.2']) : []);
    const { cpuLimit, memoryLimit } = spec;
    const limits = { cpuLimit, memoryLimit };
    return { ...shown, network: spec.network, networks, addresses, volumes: volumesOf(container), limits };
  }

  async list(label: string): Promise<ObservedContainer[]> {
    await this.engine.faults.pass('containers.list');
    const found = [...this.present.values()].filter(({ labels }) => matchesLabel(labels, label));
    return this.engine.faults.listed(
      found.map(({ dockerId, name, image, labels, state }) => ({ dockerId, name, image, labels, state })),
    );
  }

  async exec(dockerId: string, request: ExecRequest): Promise<ExecResult> {
    const container = await this.existing('containers.exec', dockerId);
    if (container.state !== 'running')
      throw new DriverError('conflict', `exec ${request.argv[0]}: the container is not running`);
    this.execs.push({ dockerId: container.dockerId, request });
    return playExec(request, this.onExec);
  }

  /** Processes and logs are played by the fake driver alone. */
  open(): Promise<WorkspaceProcess> {
    return Promise.reject(new DriverError('invalid', 'the fake engine opens no processes'));
  }

  logs(): AsyncIterable<LogRecord[]> {
    throw new DriverError('invalid', 'the fake engine has no logs');
  }

  async update(dockerId: string, limits: ContainerLimits): Promise<void> {
    Object.assign((await this.existing('containers.update', dockerId)).spec, limits);
  }

  async diskFootprint(dockerId: string): Promise<DiskFootprint> {
    const container = await this.existing('containers.diskFootprint', dockerId);
    return { writableLayerBytes: container.writableLayerBytes, volumes: volumesOf(container) };
  }

  /** Of files, only those of {@link files} are played. */
  async changedPaths(dockerId: string): Promise<string[]> {
    await this.existing('containers.changedPaths', dockerId);
    return [];
  }

  async readFolder(dockerId: string): Promise<Readable> {
    await this.existing('containers.readFolder', dockerId);
    return Readable.from([]);
  }

  async readFile(dockerId: string, path: string, _maxBytes: number): Promise<ArchivedFile | null> {
    const { image } = await this.existing('containers.readFile', dockerId);
    return this.files.get(image)?.[path] ?? null;
  }

  async writeFolder(dockerId: string, _folder: string, tar: Readable): Promise<void> {
    await this.existing('containers.writeFolder', dockerId);
    tar.resume();
  }

  async *usage(dockerId: string, signal: AbortSignal): AsyncGenerator<UsageRecord> {
    const container = await this.existing('containers.usage', dockerId);
    while (isUp(container) && !signal.aborted) {
      yield { at: Date.now(), monotonicMs: performance.now(), ...container.usage };
      const next = performance.now() + USAGE_EVERY_MS;
      while (performance.now() < next && isUp(container) && !signal.aborted) await delay(POLL_MS);
    }
  }

  /** Adds a container without checks; without DevForge's labels it is a foreign one. */
  add(spec: ContainerSpec): FakeContainer {
    const dockerId = createHash('sha256').update(`${spec.name} ${++this.made}`).digest('hex');
    const { name, image, labels } = spec;
    const never = { pid: 0, exitCode: 0, oomKilled: false, startedAt: null, finishedAt: null };
    const container: FakeContainer = {
      ...never,
      dockerId,
      name,
      image,
      labels,
      state: 'created',
      spec,
      writableLayerBytes: 0,
      usage: { cpuSeconds: 0, memoryBytes: 0, rxBytes: 0, txBytes: 0, pids: 1 },
    };
    this.present.set(dockerId, container);
    for (const mount of spec.mounts) this.engine.volumes.add(mount.volume, mount.labels);
    this.emit('create', container);
    return container;
  }

  /** The container's main process ends, by itself or for want of memory. */
  exit(dockerId: string, exitCode: number, { oomKilled = false } = {}): void {
    const container = this.require(dockerId);
    Object.assign(container, { state: 'exited', exitCode, oomKilled, finishedAt: new Date() });
    if (oomKilled) this.emit('oom', container);
    this.emit('die', container, { exitCode: String(exitCode) });
  }

  /** A container is removed without DevForge. */
  vanish(dockerIdOrName: string): void {
    const container = this.find(dockerIdOrName);
    if (container === undefined) return;
    if (isUp(container)) this.exit(container.dockerId, KILLED);
    this.present.delete(container.dockerId);
    this.emit('destroy', container);
  }

  /** A container for a test to inspect or change. @throws Error when there is none */
  require(dockerIdOrName: string): FakeContainer {
    const container = this.find(dockerIdOrName);
    if (container === undefined) throw new Error(`There is no container ${dockerIdOrName}.`);
    return container;
  }

  private async existing(call: FakeEngineCall, dockerIdOrName: string): Promise<FakeContainer> {
    await this.engine.faults.pass(call);
    const container = this.find(dockerIdOrName);
    if (container === undefined) throw new DriverError('not_found', `${call} ${dockerIdOrName}: no such container`);
    return container;
  }

  private find(dockerIdOrName: string): FakeContainer | undefined {
    return this.present.get(dockerIdOrName) ?? [...this.present.values()].find(({ name }) => name === dockerIdOrName);
  }

  private emit(
    action: string,
    { dockerId, labels, name, image }: FakeContainer,
    attributes: Record<string, string> = {},
  ): void {
    // Docker's events are filtered by this label.
    if (LABEL_ID in labels) this.engine.system.emit(action, dockerId, { ...labels, name, image, ...attributes });
  }
}

function volumesOf({ spec }: FakeContainer): MountedVolume[] {
  return spec.mounts.map(({ volume, target, readOnly = false }) => ({ name: volume, target, readOnly }));
}

function isUp({ state }: FakeContainer): boolean {
  return state === 'running' || state === 'paused';
}
