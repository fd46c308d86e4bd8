import type { ContainerCreateOptions } from 'dockerode';
import type { ContainerLimits, ContainerSpec } from './engine-client.js';
import type { EngineProfile } from './profile/engine-profile.js';

const MIB = 1024 * 1024;
/** uid and gid of the user in the workspace images. */
const USER = '1000:1000';

/** Limits that can be changed later: without swap, so that the memory limit is one. */
export function resources(
  cpuLimit: number,
  memoryLimit: number,
): { Memory: number; MemorySwap: number; NanoCpus: number } {
  const memory = memoryLimit * MIB;
  return { Memory: memory, MemorySwap: memory, NanoCpus: Math.round(cpuLimit * 1e9) };
}

/** The limits that {@link resources} has set. */
export function limitsOf({ NanoCpus = 0, Memory = 0 }: { NanoCpus?: number; Memory?: number }): ContainerLimits {
  return { cpuLimit: NanoCpus / 1e9, memoryLimit: Memory / MIB };
}

/**
 * The options of every container that DevForge creates: what is not granted here is denied. A golden test compares them
 * with the engine's `inspect`.
 */
export function toCreateOptions(spec: ContainerSpec, engine: Pick<EngineProfile, 'log'>): ContainerCreateOptions {
  return {
    name: spec.name,
    Image: spec.image,
    Hostname: spec.hostname,
    User: spec.user ?? USER,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: spec.labels,
    ...(spec.entrypoint === undefined ? {} : { Entrypoint: spec.entrypoint }),
    HostConfig: {
      Privileged: false,
      CapDrop: ['ALL'],
      ...(spec.capabilities === undefined ? {} : { CapAdd: spec.capabilities }),
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: spec.pidsLimit,
      ...resources(spec.cpuLimit, spec.memoryLimit),
      Ulimits: [
        { Name: 'nofile', Soft: 16_384, Hard: 16_384 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      OomScoreAdj: 500,
      Init: true,
      IpcMode: 'private',
      CgroupnsMode: 'private',
      NetworkMode: spec.network,
      RestartPolicy: { Name: spec.restarts === true ? 'unless-stopped' : 'no', MaximumRetryCount: 0 },
      ...(engine.log === null ? {} : { LogConfig: { Type: engine.log.driver, Config: engine.log.options } }),
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,exec,mode=1777' },
      Mounts: spec.mounts.map((mount) => ({
        Type: 'volume',
        Source: mount.volume,
        Target: mount.target,
        ReadOnly: mount.readOnly ?? false,
        VolumeOptions: {
          NoCopy: mount.noCopy ?? false,
          Labels: mount.labels,
          DriverConfig: { Name: 'local', Options: {} },
        },
      })),
    },
  };
}
