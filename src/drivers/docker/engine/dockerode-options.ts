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
  version(options: { abortSignal: AbortSignal }): Promise<unknown>;
}

export function abortable(docker: Dockerode): AbortableEngine {
  return docker as unknown as AbortableEngine;
}

/** A GET request that dockerode has no method for, or one without its parameters. */
export function dial(
  docker: Dockerode,
  path: `${string}?`,
  query: Record<string, string>,
  abortSignal: AbortSignal,
): Promise<unknown> {
  const request = { path, method: 'GET', options: query, abortSignal, statusCodes: { 200: true, 500: 'server error' } };
  return new Promise((resolve, reject) => {
    (docker.modem as Dialling).dial(request, (error, data) => (error ? reject(error as Error) : resolve(data)));
  });
}

interface Dialling {
  dial(request: object, done: (error: unknown, data: unknown) => void): void;
}
