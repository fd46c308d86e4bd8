import type { Readable } from 'node:stream';
import type { LogRecord, LogRequest } from '../../workspace-logs.js';
import type { ExecRequest, ExecResult, ProcessRequest, WorkspaceProcess } from '../../workspace-process.js';
import type { UsageRecord } from '../../workspace-usage.js';
import type { EngineProfile } from './profile/engine-profile.js';

/**
 * What DevForge uses of the Docker Engine API: containers, images, volumes, networks and events. Implementations never
 * assume that the engine is on this machine, and put a deadline on every call.
 *
 * Every method rejects with {@link DriverError}. Only `not_found` means that something is absent; after any other error
 * nothing is known about it.
 */
export abstract class EngineClient {
  abstract readonly system: EngineSystem;
  abstract readonly containers: EngineContainers;
  abstract readonly images: EngineImages;
  abstract readonly volumes: EngineVolumes;
  abstract readonly networks: EngineNetworks;
}

export type EngineEvent = {
  /** As Docker names it: `start`, `die`, `oom`, `destroy`, … */
  action: string;
  dockerId: string;
  labels: Record<string, string>;
  at: Date;
};

export abstract class EngineSystem {
  /**
   * Checks within one second that the engine answers.
   * @throws DriverError `unavailable` also when the engine reports that it is unhealthy
   * @throws UnsuitableEngineError when DevForge cannot work with it
   */
  abstract ping(): Promise<void>;
  /**
   * What the engine is and can do; asked once for as long as it stays.
   * @throws UnsuitableEngineError when DevForge cannot work with it
   */
  abstract info(): Promise<EngineProfile>;
  /** Sizes of all volumes by name, in bytes, as the engine itself counts them: whatever their permissions. */
  abstract volumeBytes(): Promise<Map<string, number>>;
  /**
   * Follows the events of all containers that have the label of DevForge's ids.
   * Resolves when the stream ends, rejects when it breaks.
   * @param onReady called once events are being received
   */
  abstract watch(onEvent: (event: EngineEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void>;
}

export interface VolumeMount {
  volume: string;
  target: string;
  readOnly?: boolean;
  /** An empty volume is not filled with what the image has at the target. */
  noCopy?: boolean;
  labels: Record<string, string>;
}

export interface ContainerSpec {
  name: string;
  image: string;
  labels: Record<string, string>;
  env: Record<string, string>;
  mounts: VolumeMount[];
  /** Name of the network, or `none`. */
  network: string;
  hostname: string;
  /** Replaces the image's own. */
  entrypoint?: string[];
  /** uid and gid; those of workspaces by default. */
  user?: string;
  /** Capabilities of its processes; none by default. */
  capabilities?: string[];
  /** The engine starts it again whenever it ends, and with the engine itself. */
  restarts?: boolean;
  /** Cores. */
  cpuLimit: number;
  /** MiB. */
  memoryLimit: number;
  pidsLimit: number;
}

export type ObservedState = 'created' | 'running' | 'paused' | 'exited' | 'dead';

/** A named volume that a container mounts. */
export interface MountedVolume {
  name: string;
  target: string;
  readOnly: boolean;
}

/** A container in a list. */
export interface ObservedContainer {
  dockerId: string;
  name: string;
  image: string;
  labels: Record<string, string>;
  state: ObservedState;
}

export interface InspectedContainer extends ObservedContainer {
  /** Pid of the main process on the engine's machine; 0 while it does not run. */
  pid: number;
  exitCode: number;
  oomKilled: boolean;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** The network that it was created with: a name, or `none`. */
  network: string;
  /** Names of the networks that it has an interface of. */
  networks: string[];
  /** IP addresses by the name of their network. */
  addresses: Record<string, string>;
  volumes: MountedVolume[];
  limits: ContainerLimits;
}

export interface ContainerLimits {
  /** Cores. */
  cpuLimit: number;
  /** MiB. */
  memoryLimit: number;
}

/** What a container takes of the engine's disk. */
export interface DiskFootprint {
  writableLayerBytes: number;
  volumes: MountedVolume[];
}

export abstract class EngineContainers {
  /** Usage about once a second, until the container stops or the signal aborts; nothing for one that does not run. */
  abstract usage(dockerId: string, signal: AbortSignal): AsyncIterable<UsageRecord>;
  /**
   * The container's output in the engine's order, in batches, read no faster than they are taken. Ends when the
   * container stops, possibly before its last lines, or at the current end of the log without `follow`.
   */
  abstract logs(dockerId: string, request: LogRequest): AsyncIterable<LogRecord[]>;
  /**
   * Creates the container, or finds the one of that name.
   * @throws DriverError `foreign` when the name belongs to a container with another id, or none
   */
  abstract create(spec: ContainerSpec): Promise<{ dockerId: string; created: boolean }>;
  /** Starts it; already running is success. */
  abstract start(dockerId: string): Promise<void>;
  /** Stops it, and kills it after `graceSeconds`; already stopped is success. */
  abstract stop(dockerId: string, graceSeconds: number): Promise<void>;
  abstract pause(dockerId: string): Promise<void>;
  abstract unpause(dockerId: string): Promise<void>;
  /** Kills and removes it; already gone is success. */
  abstract remove(dockerIdOrName: string): Promise<void>;
  /** @returns null only when the engine says that there is no such container */
  abstract inspect(dockerIdOrName: string): Promise<InspectedContainer | null>;
  /** All containers, running or not, that have the label: `name` or `name=value`. */
  abstract list(label: string): Promise<ObservedContainer[]>;
  abstract exec(dockerId: string, request: ExecRequest): Promise<ExecResult>;
  /**
   * Starts a command and returns its streams.
   * @throws DriverError `conflict` when the container does not run
   */
  abstract open(dockerId: string, request: ProcessRequest): Promise<WorkspaceProcess>;
  /** Changes the limits of a container, running or not. @throws DriverError `invalid` when it uses more than that */
  abstract update(dockerId: string, limits: ContainerLimits): Promise<void>;
  abstract diskFootprint(dockerId: string): Promise<DiskFootprint>;
  /** Absolute paths that were added or changed since the container was created from its image, without those in volumes. */
  abstract changedPaths(dockerId: string): Promise<string[]>;
  /** What is in a folder, as a tar stream with the folder's content at its root. Works on stopped containers as well. */
  abstract readFolder(dockerId: string, folder: string): Promise<Readable>;
  /**
   * One file of a container, running or not. Links are followed in the path, and not at its end.
   * @returns null when there is none
   * @throws DriverError `output_limit` for one that is larger than `maxBytes`
   */
  abstract readFile(dockerId: string, path: string, maxBytes: number): Promise<ArchivedFile | null>;
  /** Unpacks a tar stream into a folder, with the owners and modes in it. */
  abstract writeFolder(dockerId: string, folder: string, tar: Readable): Promise<void>;
}

export interface ArchivedFile {
  kind: 'file' | 'link' | 'other';
  /** Of a file. */
  content: Buffer;
  /** Of a link. */
  target: string | null;
}

export interface BuildRequest {
  tag: string;
  target?: string;
  /** The build context as an uncompressed tar stream. */
  context: Readable;
  buildArgs: Record<string, string>;
  labels: Record<string, string>;
  /** Of each program that the build runs; none by default. Cores, and MiB. */
  limits?: ContainerLimits;
  /** One line of the build's output at a time. */
  onOutput: (line: string) => void;
  signal?: AbortSignal;
}

/** An image and what containers of it are given. */
export interface InspectedImage {
  /** The engine's own id, which names its content. */
  id: string;
  os: string;
  /** As the engine names it, such as `amd64`. */
  architecture: string;
  labels: Record<string, string>;
  env: Record<string, string>;
  /** Paths for which every container gets a volume without a name. */
  volumes: string[];
  /** It runs instructions of its own when another image is built from it. */
  hasTriggers: boolean;
}

export abstract class EngineImages {
  abstract exists(reference: string): Promise<boolean>;
  /** @returns null only when the engine says that there is no such image */
  abstract inspect(reference: string): Promise<InspectedImage | null>;
  abstract pull(reference: string, signal?: AbortSignal): Promise<void>;
  abstract build(request: BuildRequest): Promise<void>;
  abstract remove(reference: string): Promise<void>;
}

export abstract class EngineVolumes {
  /** Volumes that have the label: `name` or `name=value`. */
  abstract list(label: string): Promise<{ name: string; labels: Record<string, string> }[]>;
  abstract exists(name: string): Promise<boolean>;
  /**
   * Creates the volume, or finds the one of that name.
   * @throws DriverError `foreign` when the name belongs to a volume without these labels
   */
  abstract ensure(name: string, labels: Record<string, string>, options?: VolumeOptions): Promise<void>;
  /**
   * Where its files are on the engine's machine.
   * @throws DriverError `not_found`
   */
  abstract folder(name: string): Promise<string>;
  /** Removes it; already gone is success. */
  abstract remove(name: string): Promise<void>;
}

export interface VolumeOptions {
  /** A folder on the engine's machine that the volume consists of. It must exist whenever a container starts. */
  folder?: string;
}

export abstract class EngineNetworks {
  /**
   * Creates a bridge whose containers cannot reach those of other bridges, nor one another where the engine can do that,
   * or finds the one of that name.
   */
  abstract ensureIsolatedBridge(name: string, labels: Record<string, string>): Promise<void>;
  /** Networks that have the label: `name` or `name=value`. */
  abstract list(label: string): Promise<{ name: string; labels: Record<string, string> }[]>;
  abstract remove(name: string): Promise<void>;
  /** Takes the container's interface away; already gone is success. */
  abstract disconnect(name: string, dockerId: string): Promise<void>;
}
