import { randomUUID } from 'node:crypto';
import Docker from 'dockerode';
import type { WorkspaceDriver } from '../../../src/drivers/workspace-driver.js';
import type { EgressDenial, ModelProblem, WorkspaceEgress } from '../../../src/drivers/workspace-egress.js';
import type { WorkspaceRef, WorkspaceSpec } from '../../../src/drivers/workspace.js';
import type { OuterProxy } from '../../../src/config/settings.js';
import type { Principal } from '../../../src/auth/principal.js';
import type { ContainersService } from '../../../src/containers/containers.service.js';
import { ExecDto } from '../../../src/exec/dto/exec.dto.js';
import { ExecService } from '../../../src/exec/exec.service.js';
import { programsOf } from '../terminals/workspace.js';
import { containerRow } from '../rows.js';
import { noAudit } from '../no-audit.js';
import { dockerDriver } from '../drivers/docker-driver.js';
import { until } from '../e2e/until.js';
import { dockerBridgeAddress } from '../git/addresses.js';
import { workspaceImage } from '../images/workspace-image.js';
import { noActivity } from '../no-activity.js';

/** As in its image. */
const GATEWAY_USER = '2000';
const EXEC_TIMEOUT_MS = 60_000;

export interface Output {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * Workspaces of the real image behind a gateway of their own, without the rest of DevForge, and names that only this
 * gateway resolves.
 */
export class EgressRoom {
  readonly denials: EgressDenial[] = [];
  readonly modelProblems: { id: string; problem: ModelProblem | null }[] = [];
  private readonly docker = new Docker(
    process.env['DOCKER_SOCKET_PATH'] === undefined ? {} : { socketPath: process.env['DOCKER_SOCKET_PATH'] },
  );
  private readonly specs = new Map<string, WorkspaceSpec>();
  private readonly ended = new AbortController();
  private watching: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly driver: WorkspaceDriver,
    readonly gatewayName: string,
    readonly image: string,
    /** This machine, as the gateway and open workspaces see it. */
    readonly host: string,
  ) {}

  /** @param privateHosts what may be reached although its address is not public: all servers of a test */
  static async open(privateHosts: string[], outerProxy: OuterProxy | null = null): Promise<EgressRoom> {
    const gatewayName = `devforge-test-gateway-${randomUUID().slice(0, 8)}`;
    const driver = dockerDriver({ egress: { privateHosts, gatewayName, outerProxy } });
    const host = (await dockerBridgeAddress()) ?? '172.17.0.1';
    return new EgressRoom(driver, gatewayName, await workspaceImage('claude'), host);
  }

  async workspace(egress: WorkspaceEgress, env: Record<string, string> = {}): Promise<WorkspaceRef> {
    const spec = {
      id: randomUUID(),
      hostname: 'fenced',
      image: this.image,
      env,
      limits: { cpus: 2, memoryMiB: 1_024, diskMiB: 1_024, pids: 512 },
      readGitKey: null,
      egress,
    };
    this.specs.set(spec.id, spec);
    const ref = await this.driver.ensure(spec, () => undefined, new AbortController().signal);
    await this.driver.start(ref);
    return ref;
  }

  /** Starts a stopped workspace again, with the egress that it has now. */
  startAgain(ref: WorkspaceRef, egress: WorkspaceEgress): Promise<WorkspaceRef> {
    const spec = { ...this.specs.get(ref.id)!, egress };
    return this.driver.startAgain(ref, spec, new AbortController().signal);
  }

  /** Runs a shell command in a workspace. */
  run(ref: WorkspaceRef, command: string): Promise<Output> {
    return this.driver.exec(ref, { argv: ['bash', '-c', command], timeoutMs: EXEC_TIMEOUT_MS });
  }

  /** Runs a command as `POST /api/containers/:id/exec` does. @returns its output */
  async execute(ref: WorkspaceRef, command: string[]): Promise<string> {
    const containers = { find: async () => containerRow({ ...ref }) } as unknown as ContainersService;
    const service = new ExecService(containers, programsOf(this.driver), noActivity, noAudit);
    const dto = Object.assign(new ExecDto(), { command });
    return (await service.run({} as Principal, ref.id, dto, new AbortController().signal)).stdout;
  }

  /** Runs a Python program in a workspace. @returns what it prints, as JSON */
  async python<Result>(ref: WorkspaceRef, program: string): Promise<Result> {
    const { exitCode, stdout, stderr } = await this.driver.exec(ref, {
      argv: ['python3', '-c', program],
      timeoutMs: EXEC_TIMEOUT_MS,
    });
    if (exitCode !== 0) throw new Error(`the program failed: ${stderr}`);
    return JSON.parse(stdout) as Result;
  }

  /** What names stand for at the gateway, from now on. */
  async setNames(names: Record<string, string[]>): Promise<void> {
    const lines = Object.entries(names).flatMap(([name, addresses]) =>
      addresses.map((address) => `${address} ${name}`),
    );
    await this.inGateway(
      `printf '%s\\n' '127.0.0.1 localhost' ${lines.map((line) => `'${line}'`).join(' ')} > /etc/hosts`,
    );
  }

  /** Kills the gateway's process as a crash would; the engine starts it again. */
  async killGateway(): Promise<void> {
    const gateway = this.docker.getContainer(this.gatewayName);
    const { State: before } = await gateway.inspect();
    await this.inGateway(
      'for each in /proc/[0-9]*; do case $(readlink $each/exe) in */node) kill -9 ${each#/proc/} ;; esac; done',
      GATEWAY_USER,
    ).catch(() => undefined);
    await until('the gateway to be back', async () => {
      const { State: now } = await gateway.inspect();
      return now.Running && now.StartedAt !== before.StartedAt;
    });
  }

  /** The memory of all processes of the gateway, without the page cache. */
  async gatewayMegabytes(): Promise<number> {
    const gateway = this.docker.getContainer(this.gatewayName);
    const { memory_stats: memory } = await gateway.stats({ stream: false, 'one-shot': true });
    const { total_inactive_file: v1, inactive_file: v2 } = memory.stats as unknown as Record<
      string,
      number | undefined
    >;
    return (memory.usage - (v1 ?? v2 ?? 0)) / 1024 ** 2;
  }

  /** Collects the denials of all workspaces until the end, over restarts of the gateway. */
  watchDenials(): void {
    const after = new Map<string, number>();
    const onDenial = (denial: EgressDenial): void => {
      after.set(denial.id, denial.seq);
      this.denials.push(denial);
    };
    const { signal } = this.ended;
    const follow = async (): Promise<void> => {
      while (!signal.aborted)
        await this.driver
          .watchDenials(
            {
              after,
              onDenial,
              onSpend: () => undefined,
              onModelProblem: (id, problem) => void this.modelProblems.push({ id, problem }),
              onReady: () => undefined,
            },
            signal,
          )
          .catch(() => undefined);
    };
    this.watching = follow();
  }

  /** Waits for a denial. */
  denial(ref: WorkspaceRef, host: string, port: number): Promise<EgressDenial> {
    return until(`denial of ${host}:${port}`, () =>
      this.denials.find((each) => each.id === ref.id && each.host === host && each.port === port),
    );
  }

  inspect({ runtimeId }: WorkspaceRef): Promise<Docker.ContainerInspectInfo> {
    return this.docker.getContainer(runtimeId).inspect();
  }

  async close(): Promise<void> {
    this.ended.abort();
    await this.watching;
    for (const id of this.specs.keys()) await this.driver.remove(id, { keepData: false });
    await this.docker.getContainer(this.gatewayName).remove({ force: true });
    await this.docker.getVolume(this.gatewayName).remove();
    await this.docker.getNetwork(this.gatewayName).remove();
  }

  private async inGateway(command: string, user = '0'): Promise<void> {
    const exec = await this.docker
      .getContainer(this.gatewayName)
      .exec({ Cmd: ['sh', '-c', command], User: user, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve));
    const { ExitCode } = await exec.inspect();
    if (ExitCode !== 0) throw new Error(`${command} failed`);
  }
}
