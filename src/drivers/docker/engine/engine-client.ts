import type { Readable } from 'node:stream';
import type { LogRecord, LogRequest } from '../../workspace-logs.js';
import type { ExecRequest, ExecResult, ProcessRequest, WorkspaceProcess } from '../../workspace-process.js';
import type { UsageRecord } from '../../workspace-usage.js';

/**
 * The port to a container engine. Implementations answer with these types only, never assume that the
 * engine runs on this machine, and put a deadline on every call.
 *
 * Every method rejects with {@link DriverError}. Only `not_found` says that something is absent; after
 * any other error nothing is known about it.
 */
export abstract class EngineClient {
  abstract readonly system: EngineSystem;
  abstract readonly containers: EngineContainers;
  abstract readonly images: EngineImages;
  abstract readonly volumes: EngineVolumes;
  abstract readonly networks: EngineNetworks;
}

export interface EngineInfo {
  version: string;
  cpus: number;
}

export type EngineEvent = {
  /** What happened to the container, in the engine's words: `start`, `die`, `oom`, `destroy`, … */
  action: string;
  dockerId: string;
  labels: Record<string, string>;
  at: Date;
};

export abstract class EngineSystem {
  /**
   * Asks whether the engine answers, within one second.
   * @throws DriverError `unavailable` when it does not, and when it answers that something is wrong with it
   */
  abstract ping(): Promise<void>;
  abstract info(): Promise<EngineInfo>;
  /**
   * Follows the container events of everything that carries one of our labels.
   * Resolves when the stream ends, rejects when it breaks or falls silent.
   * @param onReady called once events are being received
   */
  abstract watch(onEvent: (event: EngineEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void>;
}

export interface VolumeMount {
  volume: string;
  target: string;
  readOnly?: boolean;
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
  /** Takes the place of the image's own. */
  entrypoint?: string[];
  /** Cores. */
  cpuLimit: number;
  /** MiB. */
  memoryLimit: number;
  pidsLimit: number;
}

export type ObservedState = 'created' | 'running' | 'paused' | 'exited' | 'dead';

/** A container as the engine shows it. */
export interface ObservedContainer {
  dockerId: string;
  name: string;
  image: string;
  labels: Record<string, string>;
  state: ObservedState;
}

export interface InspectedContainer extends ObservedContainer {
  /** The main process as the engine's machine numbers it; 0 when it does not run. */
  pid: number;
  exitCode: number;
  oomKilled: boolean;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** Address on each network, by the network's name. */
  addresses: Record<string, string>;
}

export abstract class EngineContainers {
  /** What the container uses, about once a second, until it stops or the signal is aborted; nothing for one that does not run. */
  abstract usage(dockerId: string, signal: AbortSignal): AsyncIterable<UsageRecord>;
  /**
   * The container's output in the order of the engine, a batch at a time; the engine is read no faster than
   * batches are taken. Ends when the container stops, perhaps before its last words, or at the log's present
   * end without `follow`.
   */
  abstract logs(dockerId: string, request: LogRequest): AsyncIterable<LogRecord[]>;
  /** Creates the container, or finds the one of that name. */
  abstract create(spec: ContainerSpec): Promise<{ dockerId: string; created: boolean }>;
  /** Starts it; already running is success. */
  abstract start(dockerId: string): Promise<void>;
  /** Stops it, killing it after `graceSeconds`; already stopped is success. */
  abstract stop(dockerId: string, graceSeconds: number): Promise<void>;
  abstract pause(dockerId: string): Promise<void>;
  abstract unpause(dockerId: string): Promise<void>;
  /** Kills and removes it; already gone is success. */
  abstract remove(dockerIdOrName: string): Promise<void>;
  /** @returns null when the engine says that there is no such container */
  abstract inspect(dockerIdOrName: string): Promise<InspectedContainer | null>;
  /** All containers, running or not, that carry the label. */
  abstract list(label: string): Promise<ObservedContainer[]>;
  abstract exec(dockerId: string, request: ExecRequest): Promise<ExecResult>;
  /**
   * Starts a command and hands over its input and outputs.
   * @throws DriverError `conflict` when the container does not run
   */
  abstract open(dockerId: string, request: ProcessRequest): Promise<WorkspaceProcess>;
  /** Bytes of the writable layer. */
  abstract writableLayerBytes(dockerId: string): Promise<number>;
}

export interface BuildRequest {
  tag: string;
  target: string;
  /** The build context as an uncompressed tar stream. */
  context: Readable;
  buildArgs: Record<string, string>;
  labels: Record<string, string>;
  /** One line of the build's output at a time. */
  onOutput: (line: string) => void;
  signal?: AbortSignal;
}

export abstract class EngineImages {
  abstract exists(reference: string): Promise<boolean>;
  abstract pull(reference: string, signal?: AbortSignal): Promise<void>;
  abstract build(request: BuildRequest): Promise<void>;
  abstract remove(reference: string): Promise<void>;
}

export abstract class EngineVolumes {
  /** Names of the volumes that carry the label. */
  abstract list(label: string): Promise<{ name: string; labels: Record<string, string> }[]>;
  abstract exists(name: string): Promise<boolean>;
  /** Removes it; already gone is success. */
  abstract remove(name: string): Promise<void>;
}

export abstract class EngineNetworks {
  /** Makes a bridge on which containers cannot reach one another, or finds the one of that name. */
  abstract ensureIsolatedBridge(name: string, labels: Record<string, string>): Promise<void>;
  abstract remove(name: string): Promise<void>;
}
