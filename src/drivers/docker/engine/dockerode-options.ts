import type Dockerode from 'dockerode';

/** Options that dockerode passes to the engine, but its published types lack. */
declare module 'dockerode' {
  interface ImageInspectOptions {
    abortSignal?: AbortSignal;
  }
  interface ContainerInspectOptions {
    size?: boolean;
  }
  interface ContainerInspectInfo {
    SizeRw?: number;
  }
  interface HostConfig {
    CgroupnsMode?: string;
  }
  interface Network {
    inspect(options: { abortSignal: AbortSignal }): Promise<NetworkInspectInfo>;
  }
}

/** Calls whose published types accept no options. */
export interface AbortableEngine {
  ping(options: { abortSignal: AbortSignal }): Promise<unknown>;
  info(options: { abortSignal: AbortSignal }): Promise<unknown>;
}

export function abortable(docker: Dockerode): AbortableEngine {
  return docker as unknown as AbortableEngine;
}
