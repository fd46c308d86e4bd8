import type { WorkspaceEgress } from './workspace-egress.js';

/** Where things are inside every workspace, whatever runs it. The workspace images rely on these paths. */
export const WORKSPACE_FOLDER = '/workspace';
/** Sessions, known hosts and marker files, which belong to the container and not to its repository. */
export const STATE_FOLDER = '/var/lib/devforge';
/** The home directory of the workspace's user. */
export const HOME_FOLDER = '/home/dev';
export const GIT_AGENT_FOLDER = '/run/devforge/git-agent';
export const GIT_AGENT_SOCKET = `${GIT_AGENT_FOLDER}/agent.sock`;

/** What a workspace sees of the egress gateway: its socket, and how programs reach the network. */
export const EGRESS_FOLDER = '/run/devforge/egress';

/** One incarnation of a workspace at the engine. */
export interface WorkspaceRef {
  /** DevForge's id of the container. */
  id: string;
  /** The engine's own id, which differs after the workspace was re-created. */
  runtimeId: string;
  /**
   * Of a workspace that was created ahead and claimed: the environment that it was not created with. Commands get it, and the
   * next start creates the workspace anew, with everything.
   */
  addedEnv?: Record<string, string>;
}

/** What a container needs of the engine. Names and labels of engine objects derive from `id` inside the driver. */
export interface WorkspaceSpec {
  id: string;
  hostname: string;
  /** Whose files are at {@link WORKSPACE_FOLDER}: its own, unless they are those of a removed workspace. */
  dataId?: string;
  /** Reference returned by {@link WorkspaceDriver.prepare}. */
  image: string;
  env: Record<string, string>;
  limits: {
    /** Cores. More than the engine has means no limit. */
    cpus: number;
    memoryMiB: number;
    diskMiB: number;
    pids: number;
  };
  /**
   * Reads the private key that Git may use through an agent beside the workspace; null for none. Drivers call it each
   * time they start the agent, pass the key on, and never store it.
   */
  readGitKey: (() => Promise<Buffer>) | null;
  egress: WorkspaceEgress;
}

export type WorkspaceState = 'created' | 'running' | 'paused' | 'exited' | 'dead';

/** A workspace as the engine shows it. */
export interface ObservedWorkspace extends WorkspaceRef {
  image: string;
  state: WorkspaceState;
  /** Of the main process; 0 unless it has exited. */
  exitCode: number;
  /** Whether any of its processes was killed for want of memory. */
  oomKilled: boolean;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export type ListedWorkspace = Pick<ObservedWorkspace, 'id' | 'runtimeId' | 'image' | 'state'>;

export type WorkspaceEventType =
  'created' | 'started' | 'exited' | 'stopped' | 'oom' | 'paused' | 'unpaused' | 'removed';

export interface WorkspaceEvent extends WorkspaceRef {
  type: WorkspaceEventType;
  at: Date;
}

/** A workspace whose container was deleted, with something of it left at the engine. */
export interface OrphanedWorkspace {
  id: string;
  /** The workspace volume is to stay. */
  keepData: boolean;
}
