/** What DevForge's engine is, and what it needs and can do: found out at start, from its own answers. */
export interface EngineProfile {
  /** `Docker` or `Podman`. */
  name: string;
  version: string;
  /** Of the Docker API, such as `1.41`. */
  apiVersion: string;
  /** Of the containers: `linux` or `windows`. */
  os: string;
  cpus: number;
  memoryMiB: number;
  /** Runs as an ordinary user, with its networks in a namespace that the host has no route to. */
  isRootless: boolean;
  limits: EnforcedLimits;
  canPause: boolean;
  /** Volumes may consist of a folder of the engine's machine, through which workspaces reach the egress gateway. */
  canFence: boolean;
  /** Its statistics are those of the container. */
  measuresUsage: boolean;
  log: LogProfile | null;
  /** Where one bridge cannot keep its containers apart, each workspace gets a network of its own. */
  isolation: 'within-bridge' | 'between-bridges';
  /** Time between two records of a container's statistics. */
  statisticsEveryMs: number;
}

/** Which limits of a container the engine enforces. */
export interface EnforcedLimits {
  cpu: boolean;
  memory: boolean;
  pids: boolean;
}

export interface LogProfile {
  driver: string;
  options: Record<string, string>;
  /** How the engine reads the limits of a time range. */
  times: 'epoch-seconds' | 'rfc3339';
  /** The largest `tail` that may be asked for. */
  maxTail: number;
}
