import type { Template } from '../persistence/types.js';
import type { DenialWatch, EgressRule, WorkspaceEgress, WorkspaceSecrets } from './workspace-egress.js';
import type { SpendingRules, SpendRecords } from './workspace-spend.js';
import type { LogRecord, LogRequest } from './workspace-logs.js';
import type { ExecRequest, ExecResult, ProcessRequest, WorkspaceProcess } from './workspace-process.js';
import type { UsageSource } from './workspace-usage.js';
import type {
  ListedWorkspace,
  ObservedWorkspace,
  OrphanedWorkspace,
  WorkspaceEvent,
  WorkspaceRef,
  WorkspaceSpec,
} from './workspace.js';

export type EngineKind = 'docker' | 'kubernetes';

export interface EngineInfo {
  /** The product's, such as `Docker` or `Podman`. */
  name: string;
  version: string;
  /** Cores that one workspace may have. */
  cpus: number;
  /** Memory that one workspace may have. */
  memoryMiB: number;
  /** What DevForge promises and this engine does not keep, in sentences for its operator. */
  shortcomings: string[];
}

/** What a driver offers beyond the port's verbs. What it lacks is refused up front, never with an error half-way. */
export interface DriverCapabilities {
  /** Workspaces can be paused and unpaused. */
  pause: boolean;
  /** The state of a workspace can be saved and restored. */
  snapshot: boolean;
  /** The engine itself enforces the disk limit. */
  hardDiskLimit: boolean;
  /** Outgoing connections of workspaces can be restricted. */
  fence: boolean;
  /** The engine enforces the limits of cores, memory and processes. */
  resourceLimits: boolean;
  /** Workspaces can be made of images that others have made. */
  customImages: boolean;
}

/** What the image of a workspace is made of. */
export interface ImageRequest {
  /** The programs that it has. */
  template: Template;
  /** Reference of the image that they are laid over; without one, the image that DevForge builds for the template. */
  image?: string;
  /** Names of packages of its distribution that are installed as well. */
  packages?: readonly string[];
}

export interface RemoveOptions {
  /** The files at `/workspace` stay. */
  keepData: boolean;
  /** As in the spec of the workspace. */
  dataId?: string;
}

/** What is known of a snapshot once it is complete. */
export interface SavedSnapshot {
  /** What it takes of the disk; blocks that it shares with others are counted as its own. */
  bytes: number;
  /** For how long the workspace stood still, in milliseconds. */
  pausedMs: number;
}

export interface ImageProgress {
  /** Percent of the build. */
  percent: number;
  line: string;
}

/** A part of {@link WorkspaceDriver.ensure}; clients see it as a step of the provisioning job. */
export type EnsureStage = 'network' | 'git-agent' | 'container';

/** Called before each stage begins; the driver waits for it, and stops with its error. */
export type StageListener = (stage: EnsureStage) => Promise<void> | void;

/**
 * The port to the engine that runs workspaces. An adapter never assumes that the engine is on this machine, puts a
 * deadline on every call, and rejects with {@link DriverError}.
 */
export abstract class WorkspaceDriver {
  abstract readonly kind: EngineKind;
  abstract readonly capabilities: DriverCapabilities;

  /**
   * Checks within one second that the engine answers.
   * @throws DriverError `unavailable` also when the engine reports that it is unhealthy
   */
  abstract ping(): Promise<void>;
  abstract info(): Promise<EngineInfo>;
  /**
   * Follows what happens to workspaces. Resolves when the stream ends or the signal aborts, rejects when it breaks.
   * @param onReady called once events are being received
   */
  abstract watch(onEvent: (event: WorkspaceEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void>;

  /**
   * Makes sure that the engine has an image, and builds it when it is missing. Of an image that others have made, no program
   * runs meanwhile but the package manager, and that within limits.
   * @returns the image's reference
   * @throws JobFailure `image_build_failed`, `base_image_unavailable` or `out_of_disk`, with the last lines of output;
   * `packages_not_installed`; `image_unavailable` or `image_unsuitable` for an image that others have made
   */
  abstract prepare(
    request: ImageRequest,
    onProgress: (progress: ImageProgress) => void,
    signal: AbortSignal,
  ): Promise<string>;

  /**
   * Creates the workspace and everything it needs, or finds what an earlier call created. Does not start it.
   * @throws JobFailure `ssh_key_not_usable`, `git_agent_not_ready` or `volume_missing`
   * @throws DriverError `foreign` when something that DevForge did not create has a name that it needs
   */
  abstract ensure(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef>;
  /**
   * As {@link ensure}, but stops and removes a workspace that is there first, so that the new one is as the spec says.
   * The files at `/workspace`, the state and the home directory stay.
   */
  abstract replace(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef>;
  /**
   * Names what cannot be changed once a workspace was created, the release of the driver included; not the environment. One
   * that was created ahead can be claimed for a spec with the same fingerprint.
   */
  abstract fingerprint(spec: WorkspaceSpec): Promise<string>;
  /**
   * Gives a running workspace that was created ahead, with the id and the fingerprint of the spec, the limits and the egress of
   * the spec. May be repeated.
   * @returns false when it does not run any more: it has to be replaced
   */
  abstract claim(ref: WorkspaceRef, spec: WorkspaceSpec, signal: AbortSignal): Promise<boolean>;
  /** Starts a workspace that {@link ensure} has just returned; already running is success. */
  abstract start(ref: WorkspaceRef): Promise<void>;
  /**
   * Starts a workspace again that has stopped, and its Git agent; already running is success.
   * @returns the reference from now on
   * @throws DriverError `not_found` when the workspace has to be created anew
   * @throws JobFailure `ssh_key_not_usable` or `git_agent_not_ready`
   */
  abstract startAgain(ref: WorkspaceRef, spec: WorkspaceSpec, signal: AbortSignal): Promise<WorkspaceRef>;
  /** Stops the workspace and its Git agent, and kills them after `graceSeconds`; already stopped is success. */
  abstract stop(id: string, graceSeconds: number): Promise<void>;
  /**
   * Changes the limits of a workspace, running or not.
   * @throws DriverError `invalid` or `failed` when it uses more than that
   */
  abstract resize(ref: WorkspaceRef, limits: Pick<WorkspaceSpec['limits'], 'cpus' | 'memoryMiB'>): Promise<void>;
  abstract pause(ref: WorkspaceRef): Promise<void>;
  abstract unpause(ref: WorkspaceRef): Promise<void>;
  /**
   * Saves the files of a workspace, running or not: those at `/workspace`, of the home directory, of the system, and of Claude
   * Code, all as of one moment. A running workspace stands still for that moment. Neither its environment nor memory is saved.
   * @param image of a workspace of this release, whose programs are used
   * @throws DriverError `not_found`, `outdated`, or `out_of_disk`; what was saved until then is left to {@link removeSnapshot}
   */
  abstract saveSnapshot(
    ref: WorkspaceRef,
    snapshotId: string,
    image: string,
    signal: AbortSignal,
  ): Promise<SavedSnapshot>;
  /**
   * Replaces the files of a workspace that {@link ensure} has just returned by those of a snapshot. May be repeated.
   * @param image as for {@link saveSnapshot}
   * @throws DriverError `not_found` without the workspace or the snapshot, `conflict` when the workspace runs
   */
  abstract restoreSnapshot(spec: WorkspaceSpec, snapshotId: string, image: string, signal: AbortSignal): Promise<void>;
  /** Removes a snapshot, complete or not; already gone is success. */
  abstract removeSnapshot(snapshotId: string): Promise<void>;
  /** Removes everything that belongs to the workspace, whatever its name is now, running or not; already gone is success. */
  abstract remove(id: string, options: RemoveOptions): Promise<void>;
  /** Ids of the workspaces whose files at `/workspace` exist, with or without the workspace itself. */
  abstract listData(): Promise<string[]>;
  /**
   * Removes what is left of workspaces whose container was deleted.
   * @param findOrphans picks them from the ids found at the engine; every other id stays untouched
   * @returns the ids of the workspaces of which something was removed
   */
  abstract sweep(findOrphans: (ids: string[]) => Promise<OrphanedWorkspace[]>): Promise<string[]>;

  /** @returns null only when the engine says that there is no such workspace */
  abstract observe(id: string): Promise<ObservedWorkspace | null>;
  /** Every workspace that DevForge created, running or not. */
  abstract list(): Promise<ListedWorkspace[]>;

  /** Runs a command and waits for it. */
  abstract exec(ref: WorkspaceRef, request: ExecRequest): Promise<ExecResult>;
  /**
   * Starts a command and returns its streams.
   * @throws DriverError `conflict` when the workspace does not run
   */
  abstract open(ref: WorkspaceRef, request: ProcessRequest): Promise<WorkspaceProcess>;
  /**
   * The output of the workspace's main process in the engine's order, in batches, read no faster than they are taken.
   * Ends when the workspace stops, possibly before its last lines, or at the current end of the log without `follow`.
   */
  abstract logs(ref: WorkspaceRef, request: LogRequest): AsyncIterable<LogRecord[]>;
  /** @throws DriverError `conflict` when the workspace does not run */
  abstract usage(ref: WorkspaceRef): Promise<UsageSource>;
  /**
   * Disk space taken by the running workspace, in bytes: everything that it can write to, whatever the permissions of its
   * files are.
   */
  abstract diskBytes(ref: WorkspaceRef, signal?: AbortSignal): Promise<number>;
  /**
   * Changes what a workspace may reach, running or not, within a second. A workspace that is opened while it runs goes on
   * through the gateway, and gets an interface of its own when it is started again.
   * @throws DriverError `not_found`, or `outdated` when the workspace has no way to the gateway until it is created anew
   */
  abstract setEgress(id: string, egress: WorkspaceEgress, signal?: AbortSignal): Promise<void>;
  /**
   * Sets everything that the gateway adds to requests of a workspace. Kept in memory alone.
   * @throws DriverError `not_found` or `outdated`
   */
  abstract setSecrets(id: string, secrets: WorkspaceSecrets, signal?: AbortSignal): Promise<void>;
  /**
   * Sets how the answers of the model's API to a workspace are counted and limited. Kept in memory alone.
   * @throws DriverError `not_found` or `outdated`
   */
  abstract setSpending(id: string, rules: SpendingRules, signal?: AbortSignal): Promise<void>;
  /**
   * What a workspace has spent and was not fetched before, a removed one included.
   * @param known the journal and the last entry of it that is stored for good: they are forgotten up to there
   */
  abstract spend(id: string, known: { journal: string; seq: number } | undefined): Promise<SpendRecords>;
  /** Follows refused connections. Resolves when the signal aborts, rejects when the gateway goes away. */
  abstract watchDenials(watch: DenialWatch, signal: AbortSignal): Promise<void>;
  /** Hosts from which the package managers in an image load, by their own configuration. */
  abstract packageRules(image: string): Promise<EgressRule[]>;
  /** An IP address at which this process may reach the workspace's ports directly; null when there is none. */
  abstract address(ref: WorkspaceRef): Promise<string | null>;
}
