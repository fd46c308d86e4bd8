import type { Readable, Writable } from 'node:stream';

/**
 * The port to a container engine. Implementations answer with these types only, never assume that the
 * engine runs on this machine, and put a deadline on every call.
 *
 * Every method rejects with {@link EngineError}. Only `not_found` says that something is absent; after
 * any other error nothing is known about it.
 */
export abstract class ContainerEngine {
  abstract readonly engine: RuntimeEngine;
  abstract readonly containers: RuntimeContainers;
  abstract readonly images: RuntimeImages;
  abstract readonly volumes: RuntimeVolumes;
  abstract readonly networks: RuntimeNetworks;
}

export type EngineErrorCode =
  /** The engine does not answer: nothing is known. */
  | 'unavailable'
  /** The engine answers with a failure of its own; the next try may succeed. */
  | 'failed'
  /** A command in a container outlasted the time it was given. */
  | 'timed_out'
  /** What was named does not exist. */
  | 'not_found'
  /** The engine refuses because of the present state of what was named. */
  | 'conflict'
  /** The engine refuses what was asked; asking again changes nothing. */
  | 'invalid'
  /** No space left for images, containers or volumes. */
  | 'out_of_disk'
  /** An image build or pull ended with an error; `output` holds its last lines. */
  | 'build_failed'
  /** The caller gave up. */
  | 'aborted';

export class EngineError extends Error {
  constructor(
    readonly code: EngineErrorCode,
    message: string,
    readonly details: { output?: string[]; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RuntimeError';
  }
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

export abstract class RuntimeEngine {
  /**
   * Asks whether the engine answers, within one second.
   * @throws RuntimeError `unavailable` when it does not, and when it answers that something is wrong with it
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

export interface ExecRequest {
  argv: string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Written to the command's input, which is then closed. */
  stdin?: string | Buffer;
  onStdout?: (chunk: Buffer) => void;
  onStderr?: (chunk: Buffer) => void;
  signal?: AbortSignal;
  /** Longest time to wait for the command, in milliseconds. The command itself is not ended. */
  timeoutMs: number;
}

export interface ExecResult {
  exitCode: number;
  /** The last 64 KiB of each stream. */
  stdout: string;
  stderr: string;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

export interface ProcessRequest {
  argv: string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Gives the command a terminal of that size; its output is then all on `stdout`, as the terminal shows it. */
  terminal?: TerminalSize;
  /** Gives up while the process is being opened; afterwards there is `close`. */
  signal?: AbortSignal;
}

/**
 * A command that runs in a container, for as long as it likes. Both outputs are to be read: the command waits
 * for a reader that does not. They end when the command does, and with an error when the engine lets go.
 */
export interface RuntimeProcess {
  /** Ending it closes the command's input. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * The exit code, 126 or 127 when the command cannot be run. Settles when the outputs end.
   * @throws RuntimeError `aborted` after `close`, `unavailable` when the engine let go: the command may still run
   */
  readonly exit: Promise<number>;
  resize(size: TerminalSize): Promise<void>;
  /** Lets go. The command's input ends; the command itself is not ended. */
  close(): void;
}

export interface LogRequest {
  /** Follow what is written from now on, until the container stops. */
  follow: boolean;
  /**
   * At most this many of the latest lines that were asked for, in one batch; all when left out. Of very long ones,
   * as many as are worth holding. With `follow` only about as many, and the first may lack its beginning.
   */
  tail?: number;
  /** Lines from this instant on: RFC 3339, to the nanosecond. */
  since?: string;
  until?: string;
  stdout: boolean;
  stderr: boolean;
  signal: AbortSignal;
}

/** One line of a container's output. */
export interface LogRecord {
  stream: 'stdout' | 'stderr';
  /** When the engine received it: RFC 3339 with nine digits of a second, so that text order is time order. */
  timestamp: string;
  /** Without its line break. Lines over 1 MiB come in pieces. */
  message: string;
  /** The log ends in the middle of this line; it goes on unless the container has stopped. */
  isUnfinished?: true;
}

/** What a container has used, as the engine counts it. */
export interface UsageRecord {
  /** When it was read, in milliseconds of the epoch. */
  at: number;
  /** The same moment on a clock that nobody sets, in milliseconds. Only the span between two records of one source means something. */
  monotonicMs: number;
  /** Processor time since the container's start, in seconds. */
  cpuSeconds: number;
  /** Memory in use, reclaimable page cache left out. */
  memoryBytes: number;
  rxBytes: number;
  txBytes: number;
  pids: number;
}

export abstract class RuntimeContainers {
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
   * @throws RuntimeError `conflict` when the container does not run
   */
  abstract open(dockerId: string, request: ProcessRequest): Promise<RuntimeProcess>;
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

export abstract class RuntimeImages {
  abstract exists(reference: string): Promise<boolean>;
  abstract pull(reference: string, signal?: AbortSignal): Promise<void>;
  abstract build(request: BuildRequest): Promise<void>;
  abstract remove(reference: string): Promise<void>;
}

export abstract class RuntimeVolumes {
  /** Names of the volumes that carry the label. */
  abstract list(label: string): Promise<{ name: string; labels: Record<string, string> }[]>;
  abstract exists(name: string): Promise<boolean>;
  /** Removes it; already gone is success. */
  abstract remove(name: string): Promise<void>;
}

export abstract class RuntimeNetworks {
  /** Makes a bridge on which containers cannot reach one another, or finds the one of that name. */
  abstract ensureIsolatedBridge(name: string, labels: Record<string, string>): Promise<void>;
  abstract remove(name: string): Promise<void>;
}
