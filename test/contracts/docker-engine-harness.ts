/** The runtimes that the contract suites hold against each other: the fake one, Docker, and Podman where there is one. */
import { expect } from '@jest/globals';
import Docker from 'dockerode';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { pack } from 'tar-stream';
import type { DockerEndpoint, Settings } from '../../src/config/settings.js';
import type {
  EngineClient,
  ContainerLimits,
  ContainerSpec,
  EngineEvent,
} from '../../src/drivers/docker/engine/engine-client.js';
import { DockerEngineClient } from '../../src/drivers/docker/engine/docker-engine-client.js';
import { FakeEngineClient } from '../../src/drivers/docker/engine/fake/fake-engine-client.js';
import { LABEL_ID } from '../../src/drivers/docker/labels.js';
import { Engine } from '../support/api/engine.js';
import { run } from '../support/git/run.js';

/** What a build writes, and how it ends. */
export interface BuildScript {
  lines: string[];
  succeeds: boolean;
}

export interface Harness {
  runtime: EngineClient;
  /** The same engine, gone. */
  away: EngineClient;
  /** Time between two records of usage. */
  usageEveryMs: number;
  /** An image that the engine has. */
  image: string;
  /** Makes a container that is not DevForge's. */
  createForeign(name: string): Promise<void>;
  /** What the engine shows as the limits of a container. */
  limits(dockerId: string): Promise<ContainerLimits>;
  /** The context of a build that goes as the script says. */
  build(script: BuildScript): Readable;
  /** @param images references that were built */
  cleanUp(ids: string[], images: string[]): Promise<void>;
}

export const BASE_IMAGE = process.env['BASE_IMAGE'] ?? 'debian:bookworm-slim';
const SOCKET = process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock';
/** Set to run the suites over Podman as well: the socket of `podman system service`, which must have the base image. */
export const PODMAN_SOCKET = process.env['PODMAN_SOCKET_PATH'];

const MIB = 1024 * 1024;
/** Exit code of a command that was killed. */
const KILLED = 137;

/** DevForge's settings, as far as the Docker runtime reads them. */
export function dockerEngine(docker: DockerEndpoint = endpoint(SOCKET)): DockerEngineClient {
  return new DockerEngineClient({ docker } as Settings);
}

export function endpoint(socketPath: string): DockerEndpoint {
  return { kind: 'socket', socketPath };
}

/** The engine itself, to look behind the runtime's back. */
export function engine(socketPath: string = SOCKET): Docker {
  return new Docker({ socketPath });
}

export const ENGINES: [name: string, make: () => Harness][] = [
  ['fake', fakeHarness],
  ['docker', () => dockerHarness(SOCKET)],
  ...(PODMAN_SOCKET === undefined ? [] : [['podman', () => dockerHarness(PODMAN_SOCKET)] as [string, () => Harness]]),
];

/** A container that waits, with an id of its own. */
export function idleSpec(
  harness: Pick<Harness, 'image'>,
  overrides: Partial<ContainerSpec> = {},
): ContainerSpec & { id: string } {
  const id = randomUUID();
  return {
    id,
    name: `devforge-${id}`,
    image: harness.image,
    labels: { [LABEL_ID]: id },
    env: {},
    mounts: [],
    network: 'none',
    hostname: 'contract',
    entrypoint: ['sleep', 'infinity'],
    cpuLimit: 0.5,
    memoryLimit: 128,
    pidsLimit: 64,
    ...overrides,
  };
}

export function exits(code: number): Partial<ContainerSpec> {
  return { entrypoint: ['/bin/sh', '-c', `exit ${code}`] };
}

/** @throws Error when it does not become true within ten seconds */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; await delay(20)) if (await condition()) return;
  throw new Error('waited in vain');
}

/** Follows the engine's events until `stop`. */
export async function following(runtime: EngineClient): Promise<{ events: EngineEvent[]; stop: () => Promise<void> }> {
  const events: EngineEvent[] = [];
  const stopped = new AbortController();
  let watching: Promise<void> = Promise.resolve();
  await new Promise<void>((ready, reject) => {
    watching = runtime.system.watch((event) => events.push(event), stopped.signal, ready);
    watching.catch(reject);
  });
  const stop = async (): Promise<void> => {
    stopped.abort();
    await watching;
  };
  return { events, stop };
}

function fakeHarness(): Harness {
  const runtime = new FakeEngineClient();
  runtime.images.add(BASE_IMAGE);
  runtime.containers.onStart = ({ dockerId, spec }): void => {
    const code = /^exit (\d+)$/.exec(spec.entrypoint?.at(-1) ?? '')?.[1];
    if (code !== undefined) runtime.containers.exit(dockerId, Number(code));
  };
  // The command runs for real, on this machine: so both runtimes answer what a program answers.
  runtime.containers.onExec = async ({ argv, env, cwd, stdin }, signal) => {
    const [command = '', ...args] = argv;
    const input = stdin === undefined ? [] : [stdin];
    const play = run(command, args, {
      env: { PATH: process.env['PATH'], ...env },
      ...(cwd === undefined ? {} : { cwd }),
      input,
      timeoutMs: 5_000,
    });
    const stopped = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('nobody waits'))),
    );
    const { exitCode, stdout, stderr } = await Promise.race([play, stopped]);
    return { exitCode: exitCode ?? KILLED, stdout, stderr };
  };
  const away = new FakeEngineClient();
  away.faults.goAway();
  let script: BuildScript = { lines: [], succeeds: true };
  runtime.images.onBuild = async ({ onOutput, context }) => {
    await context.forEach(() => undefined);
    for (const line of script.lines) onOutput(line);
    return script.succeeds;
  };
  return {
    runtime,
    away,
    usageEveryMs: 1_000,
    image: BASE_IMAGE,
    createForeign: async (name) =>
      void runtime.containers.add({ ...idleSpec({ image: BASE_IMAGE }), name, labels: {} }),
    limits: async (dockerId) => {
      const { cpuLimit, memoryLimit } = runtime.containers.require(dockerId).spec;
      return { cpuLimit, memoryLimit };
    },
    build: (next) => {
      script = next;
      return Readable.from([Buffer.from('a tar')]);
    },
    cleanUp: async () => undefined,
  };
}

function dockerHarness(socketPath: string): Harness {
  const docker = engine(socketPath);
  const runtime = dockerEngine(endpoint(socketPath));
  const made = new Set<string>();
  return {
    runtime,
    away: dockerEngine(endpoint('/nonexistent/docker.sock')),
    usageEveryMs: socketPath === PODMAN_SOCKET ? 5_000 : 1_000,
    image: BASE_IMAGE,
    createForeign: async (name) => {
      made.add((await docker.createContainer({ name, Image: BASE_IMAGE, Cmd: ['true'] })).id);
    },
    limits: async (dockerId) => {
      const { NanoCpus = 0, Memory = 0, MemorySwap = 0 } = (await docker.getContainer(dockerId).inspect()).HostConfig;
      expect(MemorySwap).toBe(Memory);
      return { cpuLimit: NanoCpus / 1e9, memoryLimit: Memory / MIB };
    },
    build: dockerfileContext,
    cleanUp: async (ids, images) => {
      for (const id of ids) await new Engine(socketPath).removeLabelled(id);
      for (const dockerId of made) await docker.getContainer(dockerId).remove({ force: true });
      for (const image of images)
        await docker
          .getImage(image)
          .remove()
          .catch(() => undefined);
    },
  };
}

/** One `RUN`, so that a build that fails leaves no layer behind. */
function dockerfileContext({ lines, succeeds }: BuildScript): Readable {
  const tar = pack();
  const words = lines.map((line) => `'${line}'`).join(' ');
  tar.entry(
    { name: 'Dockerfile' },
    `FROM ${BASE_IMAGE} AS wanted\nRUN printf '%s\\n' ${words} && ${succeeds}\nFROM wanted AS unwanted\nRUN false\n`,
  );
  tar.finalize();
  return tar as unknown as Readable;
}
