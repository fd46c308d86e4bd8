import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import Docker from 'dockerode';

/** On everything that belongs to one container of DevForge. */
const ID_LABEL = 'devforge.id';

const DEADLINE_MS = 30_000;

export interface Labelled {
  /** Running or not. */
  containers: Docker.ContainerInfo[];
  volumes: Docker.VolumeInspectInfo[];
  networks: Docker.NetworkInspectInfo[];
}

export interface ExecOptions {
  /** `1000`, `1000:1000` or a name; the container's own by default. */
  user?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** 30 000 by default. */
  timeoutMs?: number;
}

export interface ExecResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Looks at the engine behind DevForge's back, to check what really happened there. */
export class Engine {
  /** The engine's own interface, for what is not offered here. */
  readonly docker: Docker;

  /** @param socketPath by default `DOCKER_SOCKET_PATH`, else what Docker's own client would use */
  constructor(socketPath = process.env['DOCKER_SOCKET_PATH']) {
    this.docker = new Docker(socketPath ? { socketPath } : {});
  }

  /** Everything that carries the label `devforge.id=<id>`. */
  labelled(id: string): Promise<Labelled> {
    return this.byLabel(`${ID_LABEL}=${id}`);
  }

  inspect(dockerId: string): Promise<Docker.ContainerInspectInfo> {
    return within(DEADLINE_MS, `inspect ${dockerId}`, this.docker.getContainer(dockerId).inspect());
  }

  /** Runs a program in a running container and waits for its end. */
  async exec(dockerId: string, argv: string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { user, env = {}, cwd, timeoutMs = DEADLINE_MS } = options;
    const what = `exec ${argv.join(' ')}`;
    const created = this.docker.getContainer(dockerId).exec({
      Cmd: argv,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      AttachStdout: true,
      AttachStderr: true,
      ...(user === undefined ? {} : { User: user }),
      ...(cwd === undefined ? {} : { WorkingDir: cwd }),
    });
    const exec = await within(DEADLINE_MS, what, created);
    const stream = await within(DEADLINE_MS, what, exec.start({ hijack: true, stdin: false }));
    const [stdout, stderr] = [collect(), collect()];
    this.docker.modem.demuxStream(stream, stdout.sink, stderr.sink);
    try {
      await within(timeoutMs, what, finished(stream, { writable: false }));
    } finally {
      stream.destroy();
    }
    const { ExitCode } = await within(DEADLINE_MS, what, exec.inspect());
    return { exitCode: ExitCode, stdout: stdout.text(), stderr: stderr.text() };
  }

  /**
   * Removes what belongs to one container of DevForge: everything with exactly the label `devforge.id=<id>`.
   * What is gone already, or is going, is no failure.
   */
  async removeLabelled(id: string): Promise<void> {
    if (!id) throw new Error('An id is needed: without one, everything would be removed.');
    const { containers, volumes, networks } = await this.labelled(id);
    await all(containers, ({ Id }) => this.docker.getContainer(Id).remove({ force: true, v: true }));
    await all(volumes, ({ Name }) => this.docker.getVolume(Name).remove());
    await all(networks, ({ Id }) => this.docker.getNetwork(Id).remove());
  }

  private async byLabel(label: string): Promise<Labelled> {
    const filters = { label: [label] };
    const [containers, volumes, networks] = await within(
      DEADLINE_MS,
      `list ${label}`,
      Promise.all([
        this.docker.listContainers({ all: true, filters }),
        this.docker.listVolumes({ filters }),
        this.docker.listNetworks({ filters }),
      ]),
    );
    return { containers, volumes: volumes.Volumes ?? [], networks };
  }
}

function collect(): { sink: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { sink, text: () => Buffer.concat(chunks).toString('utf8') };
}

async function all<T>(items: T[], remove: (item: T) => Promise<unknown>): Promise<void> {
  await within(DEADLINE_MS, 'remove', Promise.all(items.map((item) => remove(item).catch(unlessGone))));
}

/** Absent (404), or being removed already (409 says so). */
function unlessGone(error: Error & { statusCode?: number }): void {
  const going = error.statusCode === 409 && error.message.includes('already in progress');
  if (error.statusCode !== 404 && !going) throw error;
}

/** The engine's client has no time-out of its own. */
async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Docker did not finish in ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
