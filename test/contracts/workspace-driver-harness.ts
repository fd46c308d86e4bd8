/** The drivers that the contract suites compare: the fake, Docker, and Podman where there is one. */
import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { FakeWorkspaceDriver } from '../../src/drivers/fake/fake-workspace-driver.js';
import type { WorkspaceDriver } from '../../src/drivers/workspace-driver.js';
import { OPEN_EGRESS } from '../../src/drivers/workspace-egress.js';
import {
  EGRESS_FOLDER,
  type WorkspaceEvent,
  type WorkspaceRef,
  type WorkspaceSpec,
} from '../../src/drivers/workspace.js';
import { Engine } from '../support/api/engine.js';
import { dockerDriver } from '../support/drivers/docker-driver.js';
import { workspaceImage } from '../support/images/workspace-image.js';
import { run } from '../support/git/run.js';
import { BASE_IMAGE, endpoint, engine, PODMAN_SOCKET } from './docker-engine-harness.js';

export interface DriverHarness {
  driver: WorkspaceDriver;
  /** The same driver while its engine is away. */
  away: WorkspaceDriver;
  /** Podman's API gives the times of lines to the second, and lines over 8 KiB in pieces. */
  logs: 'exact' | 'coarse';
  /** An image that exists after {@link setUp}. Its workspaces run the command in `CONTRACT_COMMAND`, or wait. */
  image: string;
  setUp(): Promise<void>;
  /** Creates an engine object under the name of a workspace that DevForge did not create. */
  createForeign(id: string): Promise<void>;
  /** Whether that object is still there. */
  hasForeign(id: string): Promise<boolean>;
  /** Writes to the output of a running workspace's main process. */
  write(ref: WorkspaceRef, stream: 'stdout' | 'stderr', output: Buffer | string): Promise<void>;
  /** A workspace asks the gateway for a connection. */
  connect(ref: WorkspaceRef, host: string, port: number): Promise<void>;
  /** Removes the workspaces, whatever state they are in. */
  cleanUp(ids: string[]): Promise<void>;
}

/** What a shell answers for a command that it cannot find, and for one that was killed. */
const NOT_FOUND = 127;
const KILLED = 137;
const COMMAND = 'CONTRACT_COMMAND';

export const DRIVERS: [name: string, make: () => DriverHarness][] = [
  ['fake', fakeHarness],
  ['docker', () => dockerHarness()],
  ...(PODMAN_SOCKET === undefined
    ? []
    : [['podman', () => dockerHarness(PODMAN_SOCKET)] as [string, () => DriverHarness]]),
];

/** A workspace that waits, with an id of its own. */
export function idleSpec(
  { image }: Pick<DriverHarness, 'image'>,
  overrides: Partial<WorkspaceSpec> = {},
): WorkspaceSpec {
  return {
    id: randomUUID(),
    hostname: 'contract',
    image,
    env: {},
    limits: { cpus: 0.5, memoryMiB: 128, diskMiB: 1_024, pids: 64 },
    readGitKey: null,
    egress: OPEN_EGRESS,
    ...overrides,
  };
}

/** Makes the workspaces of a suite. @param common of the specs of all of them */
export function workspacesOf(harness: DriverHarness, common: Partial<WorkspaceSpec> = {}) {
  const ids: string[] = [];
  const spec = (overrides: Partial<WorkspaceSpec> = {}): WorkspaceSpec => {
    const wanted = idleSpec(harness, { ...common, ...overrides });
    ids.push(wanted.id);
    return wanted;
  };
  const created = (wanted = spec()): Promise<WorkspaceRef> =>
    harness.driver.ensure(wanted, () => undefined, new AbortController().signal);
  const started = async (wanted = spec()): Promise<WorkspaceRef> => {
    const ref = await created(wanted);
    await harness.driver.start(ref);
    return ref;
  };
  return { spec, created, started, removeAll: () => harness.cleanUp(ids) };
}

/** Overrides by which the main process of a workspace runs a shell command. */
export function runs(command: string): Partial<WorkspaceSpec> {
  return { env: { [COMMAND]: command } };
}

/** Follows the driver's events until `stop`. */
export async function following(
  driver: WorkspaceDriver,
): Promise<{ events: WorkspaceEvent[]; stop: () => Promise<void> }> {
  const events: WorkspaceEvent[] = [];
  const stopped = new AbortController();
  let watching: Promise<void> = Promise.resolve();
  await new Promise<void>((ready, reject) => {
    watching = driver.watch((event) => events.push(event), stopped.signal, ready);
    watching.catch(reject);
  });
  const stop = async (): Promise<void> => {
    stopped.abort();
    await watching;
  };
  return { events, stop };
}

function fakeHarness(): DriverHarness {
  const driver = new FakeWorkspaceDriver();
  driver.onStart = ({ id, spec }): void => {
    const code = /^exit (\d+)$/.exec(spec.env[COMMAND] ?? '')?.[1];
    if (code !== undefined) driver.exit(id, Number(code));
  };
  // Commands run for real, on this machine, so that both drivers return what programs return.
  driver.onExec = async ({ argv, env, cwd, stdin }, signal) => {
    const [command = '', ...args] = argv;
    const program = run(command, args, {
      env: { PATH: process.env['PATH'], ...env },
      ...(cwd === undefined ? {} : { cwd }),
      input: stdin === undefined ? [] : [stdin],
      timeoutMs: 5_000,
    });
    const stopped = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('aborted'))),
    );
    const { exitCode, stdout, stderr } = await Promise.race([program, stopped]);
    return { exitCode: exitCode ?? KILLED, stdout, stderr };
  };
  driver.onOpen = ({ argv, env, cwd }, { stdin, stdout, stderr, killed }) => {
    const [command = '', ...args] = argv;
    const child = spawn(command, args, {
      env: { PATH: process.env['PATH'], ...env },
      ...(cwd === undefined ? {} : { cwd }),
      signal: killed,
    });
    stdin.pipe(child.stdin.on('error', () => undefined));
    child.stdout.pipe(stdout, { end: false });
    child.stderr.pipe(stderr, { end: false });
    return new Promise((resolve) =>
      child.on('error', () => resolve(NOT_FOUND)).on('close', (code) => resolve(code ?? KILLED)),
    );
  };
  const away = new FakeWorkspaceDriver();
  away.faults.goAway();
  const image = 'devforge-contract/idle:fake';
  return {
    driver,
    away,
    logs: 'exact',
    image,
    setUp: async () => void driver.images.add(image),
    createForeign: async (id) => void driver.foreign.add(id),
    hasForeign: async (id) => driver.foreign.has(id),
    connect: async ({ id }, host, port) => {
      const { allow } = driver.require(id).spec.egress;
      if (!allow.some((rule) => rule.host === host && rule.ports.includes(port)))
        driver.denials.deny(id, { host, port });
    },
    write: async ({ id }, stream, output) => driver.require(id).log.write(stream, output),
    cleanUp: async () => undefined,
  };
}

function dockerHarness(socketPath?: string): DriverHarness {
  const docker = engine(socketPath);
  const driver = dockerDriver(socketPath === undefined ? {} : { docker: endpoint(socketPath) });
  const image = `devforge-contract/idle:${randomUUID()}`;
  const foreign: string[] = [];
  return {
    driver,
    away: dockerDriver({ docker: endpoint('/nonexistent/docker.sock') }),
    logs: socketPath === undefined ? 'exact' : 'coarse',
    image,
    setUp: async () => {
      await buildIdleImage(docker, image);
      await workspaceImage('gateway');
    },
    createForeign: async (id) => {
      foreign.push((await docker.createContainer({ name: `devforge-${id}`, Image: BASE_IMAGE, Cmd: ['true'] })).id);
    },
    hasForeign: async (id) => {
      const { Config } = await docker.getContainer(`devforge-${id}`).inspect();
      return Object.keys(Config.Labels ?? {}).length === 0;
    },
    connect: async (ref, host, port) => {
      // The base image has neither a forwarder nor a client, but Perl.
      const program = `use Socket; my $s; socket($s, AF_UNIX, SOCK_STREAM, 0) && connect($s, pack_sockaddr_un("${EGRESS_FOLDER}/gateway.sock")) or die $!; syswrite $s, "CONNECT ${host}:${port} HTTP/1.1\\r\\nHost: ${host}\\r\\n\\r\\n"; sysread $s, my $answer, 12; print $answer`;
      const { stdout, stderr } = await driver.exec(ref, { argv: ['perl', '-e', program], timeoutMs: 20_000 });
      if (!/^HTTP\/1.1 \d/.test(stdout)) throw new Error(`no answer: ${stdout} ${stderr}`);
    },
    write: async (ref, stream, output) => {
      const argv = ['sh', '-c', `exec cat > /proc/1/fd/${stream === 'stdout' ? 1 : 2}`];
      const { exitCode, stderr } = await driver.exec(ref, { argv, stdin: output, timeoutMs: 20_000 });
      if (exitCode !== 0) throw new Error(`could not write: ${stderr}`);
    },
    cleanUp: async (ids) => {
      for (const id of ids) await new Engine(socketPath).removeLabelled(id);
      for (const id of foreign) await docker.getContainer(id).remove({ force: true });
      await docker
        .getImage(image)
        .remove({ force: true })
        .catch(() => undefined);
    },
  };
}

/** An image whose only content of its own is the command that it runs. */
async function buildIdleImage(docker: Docker, tag: string): Promise<void> {
  const tar = pack();
  tar.entry(
    { name: 'Dockerfile' },
    `FROM ${BASE_IMAGE}\nENTRYPOINT ["sh", "-c", "eval \\"\${${COMMAND}:-exec sleep infinity}\\""]\n`,
  );
  tar.finalize();
  const stream = await docker.buildImage(tar as unknown as NodeJS.ReadableStream, { t: tag });
  await new Promise<void>((resolve, reject) =>
    docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error))),
  );
}
