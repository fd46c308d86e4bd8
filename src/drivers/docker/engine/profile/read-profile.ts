import type { EnforcedLimits, EngineProfile, LogProfile } from './engine-profile.js';

/** `GET /version`, as far as it is used. */
export interface VersionRecord {
  Version: string;
  ApiVersion: string;
  Os?: string;
  Components?: { Name: string; Version: string; Details?: Record<string, string> | null }[] | null;
}

/** `GET /info`, as far as it is used. */
export interface InfoRecord {
  NCPU: number;
  MemTotal: number;
  OSType?: string;
  CgroupVersion?: string;
  CgroupDriver?: string;
  SecurityOptions?: string[] | null;
  /** Podman's alone. */
  Rootless?: boolean;
  Plugins?: { Log?: string[] | null };
  CpuCfsQuota?: boolean;
  MemoryLimit?: boolean;
  PidsLimit?: boolean;
}

/** Podman's own `info`, as far as it is used. */
export interface PodmanInfoRecord {
  host: { cgroupControllers?: string[] | null };
}

const MIB = 1024 * 1024;
const PODMAN = 'Podman Engine';
const MIB_OF_LOGS = 48;
const LOG_FILES = 3;

/** Podman allocates room for as many lines as are asked for. */
const MAX_PODMAN_TAIL = 100_000;

/** The version of Podman, undefined for any other engine. */
export function podmanVersion({ Components }: VersionRecord): string | undefined {
  return Components?.find(({ Name }) => Name === PODMAN)?.Version;
}

/** @param podman of Podman alone */
export function readProfile(version: VersionRecord, info: InfoRecord, podman?: PodmanInfoRecord): EngineProfile {
  const isPodman = podmanVersion(version) !== undefined;
  const isRootless =
    info.Rootless ?? (info.SecurityOptions ?? []).some((option) => option.split(',').includes('name=rootless'));
  // An ordinary user has only those cgroups, to set limits in and to freeze, that systemd delegates, and only in version 2.
  const hasCgroups = !isRootless || (info.CgroupVersion !== '1' && info.CgroupDriver === 'systemd');
  return {
    name: isPodman ? 'Podman' : 'Docker',
    version: version.Version,
    apiVersion: version.ApiVersion,
    os: info.OSType ?? version.Os ?? 'linux',
    cpus: info.NCPU,
    memoryMiB: Math.floor(info.MemTotal / MIB),
    isRootless,
    limits: hasCgroups ? limitsOf(info, podman) : { cpu: false, memory: false, pids: false },
    canPause: hasCgroups,
    canFence: !(isPodman && isRootless),
    measuresUsage: hasCgroups,
    log: logProfile(info.Plugins?.Log ?? [], isPodman),
    isolation: isPodman ? 'between-bridges' : 'within-bridge',
    statisticsEveryMs: isPodman ? 5_000 : 1_000,
  };
}

/** Podman's answer to Docker's `info` says what the kernel has, not what was delegated to its user. */
function limitsOf(info: InfoRecord, podman?: PodmanInfoRecord): EnforcedLimits {
  const controllers = podman?.host.cgroupControllers;
  if (podman !== undefined && controllers !== undefined && controllers !== null) {
    return {
      cpu: controllers.includes('cpu'),
      memory: controllers.includes('memory'),
      pids: controllers.includes('pids'),
    };
  }
  return { cpu: info.CpuCfsQuota ?? true, memory: info.MemoryLimit ?? true, pids: info.PidsLimit ?? true };
}

function logProfile(drivers: string[], isPodman: boolean): LogProfile | null {
  const times = isPodman ? 'rfc3339' : 'epoch-seconds';
  const maxTail = isPodman ? MAX_PODMAN_TAIL : Number.MAX_SAFE_INTEGER;
  // It keeps every byte as it was written; LogFrames works around its missing line breaks.
  if (drivers.includes('local')) {
    const options = { 'max-size': `${MIB_OF_LOGS}m`, 'max-file': String(LOG_FILES), compress: 'false' };
    return { driver: 'local', options, times, maxTail };
  }
  // It has one file only.
  if (drivers.includes('k8s-file'))
    return { driver: 'k8s-file', options: { 'max-size': `${MIB_OF_LOGS * LOG_FILES}m` }, times, maxTail };
  return null;
}
