import type Dockerode from 'dockerode';

/** Options that dockerode passes on to the engine and its published types leave out. */
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

/** The calls whose published types take no options at all. */
export interface AbortableEngine {
  ping(options: { abortSignal: AbortSignal }): Promise<unknown>;
  info(options: { abortSignal: AbortSignal }): Promise<unknown>;
}

export function abortable(docker: Dockerode): AbortableEngine {
  return docker as unknown as AbortableEngine;
}
