import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { ok } from '../api/client.js';
import type { Container, CreateContainer, Spend } from '../api/types.js';
import { ensureImages } from '../e2e/images.js';
import { uniqueName } from '../e2e/names.js';
import { startTestServer, type TestServer } from '../e2e/server.js';
import { until } from '../e2e/until.js';
import { dockerBridgeAddress } from '../git/addresses.js';
import { TestAuthority } from '../git/certificate.js';
import { InstructionsClient } from '../instructions/instructions-client.js';
import { type MessagesApi, startMessagesApi } from '../messages-api/messages-api.js';
import type { ScriptedModel } from '../messages-api/scripted-model.js';

export interface MeteredContainer {
  container: Container;
  model: ScriptedModel;
}

/** A server with a gateway of its own, and the Messages API over TLS behind it: what containers spend is counted. */
export class SpendRoom {
  private readonly docker = new Docker();

  private constructor(
    readonly server: TestServer,
    readonly api: MessagesApi,
    readonly instructions: InstructionsClient,
    private readonly gatewayName: string,
    private readonly folder: string,
  ) {}

  static async open(env: Record<string, string> = {}): Promise<SpendRoom> {
    const folder = await mkdtemp(join(tmpdir(), 'devforge-spend-'));
    const host = (await dockerBridgeAddress())!;
    const authority = await TestAuthority.open(folder);
    const api = await startMessagesApi(host, await authority.issue([host]));
    const gatewayName = `devforge-test-gateway-${randomUUID().slice(0, 8)}`;
    const settings = { EGRESS_GATEWAY_NAME: gatewayName, ANTHROPIC_BASE_URL: api.url, ...env };
    const server = await startTestServer(settings).catch(async (error: unknown) => {
      await api.close();
      throw error;
    });
    const instructions = new InstructionsClient(server.api, server.devforge.token);
    const room = new SpendRoom(server, api, instructions, gatewayName, folder);
    await ensureImages(server, 'claude');
    return room;
  }

  /** A running container whose stored key leads to a model of its own. */
  async container(body: Partial<CreateContainer> = {}): Promise<MeteredContainer> {
    const name = uniqueName('spend');
    const model = this.api.model(name);
    const credential = await this.server.api.request<{ id: string }>('POST', '/api/credentials', {
      body: {
        name,
        kind: 'anthropic_api_key',
        value: model.credential,
        ...(body.projectId === undefined ? {} : { projectId: body.projectId }),
      },
    });
    const wanted = {
      name,
      template: 'claude' as const,
      mode: 'autonomous' as const,
      memoryLimit: 1024,
      egress: 'none' as const,
      credentials: [ok(credential).id],
      ...body,
    };
    const { id } = ok(await this.server.api.create(wanted));
    return { container: await this.server.api.waitForStatus(id, 'running'), model };
  }

  /** Runs a shell command in a container. @returns its output */
  async run({ id }: Container, command: string): Promise<string> {
    const body = { command: ['bash', '-c', command], timeoutSeconds: 120 };
    const path = `/api/containers/${id}/exec`;
    const answer = await this.server.api.request<{ stdout: string; stderr: string }>('POST', path, { body });
    const { stdout, stderr } = ok(answer);
    return stdout + stderr;
  }

  /** The same without the server. */
  async runAtEngine({ dockerId }: Container, command: string): Promise<string> {
    const exec = await this.docker
      .getContainer(dockerId!)
      .exec({ Cmd: ['bash', '-c', command], AttachStdout: true, AttachStderr: true, Tty: true });
    return text(await exec.start({ Tty: true }));
  }

  async spend(path: 'containers' | 'instructions', id: string): Promise<Spend> {
    return ok(await this.server.api.request<Spend>('GET', `/api/${path}/${id}/spend`));
  }

  /** Waits until that many answers of a container are counted. */
  async counted(id: string, answers: number): Promise<Spend> {
    return until(`${answers} answers of ${id}`, async () => {
      const spend = await this.spend('containers', id);
      return answersOf(spend) >= answers && spend;
    });
  }

  /** Kills the gateway's process as a crash would; the engine starts it again. */
  async killGateway(): Promise<void> {
    const gateway = this.docker.getContainer(this.gatewayName);
    const { State: before } = await gateway.inspect();
    process.kill(before.Pid, 'SIGKILL');
    await until('the gateway to be back', async () => {
      const { State: now } = await gateway.inspect();
      return now.Running && now.StartedAt !== before.StartedAt;
    });
  }

  async close(): Promise<void> {
    await this.server.dispose();
    await this.api.close();
    await rm(this.folder, { recursive: true, force: true });
    await this.docker.getContainer(this.gatewayName).remove({ force: true }).catch(ignored);
    await this.docker.getVolume(this.gatewayName).remove().catch(ignored);
    await this.docker.getNetwork(this.gatewayName).remove().catch(ignored);
  }
}

export function answersOf({ byModel }: Spend): number {
  return byModel.reduce((sum, { answers }) => sum + answers, 0);
}

function ignored(): void {
  // It was never made.
}
