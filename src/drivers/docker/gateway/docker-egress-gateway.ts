import { Injectable } from '@nestjs/common';
import { Clock } from '../../../common/time/clock.js';
import { Settings } from '../../../config/settings.js';
import { DriverError } from '../../driver-error.js';
import type { SpendingRules, SpendRecords } from '../../workspace-spend.js';
import type {
  DenialWatch,
  EgressDenial,
  ModelProblem,
  WorkspaceEgress,
  WorkspaceSecrets,
} from '../../workspace-egress.js';
import { EngineClient, type InspectedContainer } from '../engine/engine-client.js';
import { WorkspaceImages } from '../images/workspace-images.js';
import { LABEL_ROLE } from '../labels.js';
import { EgressGateway } from './egress-gateway.js';
import type { GatewayConnection } from './gateway-connection.js';
import { GatewayContainer } from './gateway-container.js';

/** A younger gateway stays: another server may be about to create its first workspace. */
const UNUSED_MS = 10 * 60_000;
const MAX_SPEND_ENTRIES = 500;

@Injectable()
export class DockerEgressGateway extends EgressGateway {
  private readonly container: GatewayContainer;
  private connecting: Promise<GatewayConnection> | undefined;

  constructor(
    private readonly engine: EngineClient,
    images: WorkspaceImages,
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {
    super();
    this.container = new GatewayContainer(engine, images, clock, settings.egress.gatewayName);
  }

  async open(id: string, signal?: AbortSignal): Promise<string> {
    await this.call('open', { id }, signal);
    return this.container.folderOf(id);
  }

  async setEgress(id: string, egress: WorkspaceEgress, signal?: AbortSignal): Promise<string> {
    const { privateHosts, outerProxy } = this.settings.egress;
    await this.call('setEgress', { id, egress: { ...egress, privateHosts, outerProxy } }, signal);
    return this.container.folderOf(id);
  }

  async setSecrets(id: string, secrets: WorkspaceSecrets, signal?: AbortSignal): Promise<void> {
    await this.call('setSecrets', { id, secrets }, signal);
  }

  async setSpending(id: string, rules: SpendingRules, signal?: AbortSignal): Promise<void> {
    await this.call('setSpending', { id, rules }, signal);
  }

  async spend(id: string, known: { journal: string; seq: number } | undefined): Promise<SpendRecords> {
    if (!(await this.isReachable())) return { journal: '', entries: [] };
    const stored = { journal: known?.journal ?? null, stored: known?.seq ?? 0 };
    return (await this.call('spend', { id, ...stored, limit: MAX_SPEND_ENTRIES })) as SpendRecords;
  }

  async watchDenials(
    { after, onDenial, onSpend, onModelProblem, onReady }: DenialWatch,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const connection = await this.container.connect(signal);
    const close = (): void => connection.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      connection.onDenial = (denial) => onDenial(toDenial(denial as EncodedDenial));
      connection.onSpend = onSpend;
      connection.onModelProblem = (id, problem) => onModelProblem(id, toModelProblem(problem));
      await connection.call('watchDenials', { after: Object.fromEntries(after) });
      onReady();
      await connection.ended;
      if (!signal.aborted) throw new DriverError('unavailable', 'watch denials: the gateway went away');
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', close);
      connection.close();
    }
  }

  async remove(id: string): Promise<void> {
    if (await this.isReachable()) await this.call('remove', { id });
  }

  async list(): Promise<string[]> {
    return (await this.isReachable()) ? ((await this.call('list', {})) as string[]) : [];
  }

  async removeUnused(): Promise<void> {
    const found = await this.container.find();
    if (found === null) return;
    // One that has a policy already is about to be created.
    if ((await this.isReachable(found)) && (await this.list()).length > 0) return;
    const workspaces = await this.engine.containers.list(`${LABEL_ROLE}=workspace`);
    const age = this.clock.now().getTime() - (found.startedAt?.getTime() ?? 0);
    if (workspaces.length === 0 && age > UNUSED_MS) await this.container.remove();
  }

  /** Connects to a gateway that runs, and starts none. */
  private async isReachable(known?: InspectedContainer): Promise<boolean> {
    if (this.connecting !== undefined) return true;
    const found = known ?? (await this.container.find());
    if (found?.state !== 'running') return false;
    await this.connection(found);
    return true;
  }

  /** Once more over a new connection when the gateway went away: every method can be repeated. */
  private async call(method: string, params: object, signal?: AbortSignal): Promise<unknown> {
    if (signal?.aborted) throw new DriverError('aborted', `${method}: aborted`);
    const connection = await this.connection();
    try {
      return await connection.call(method, params);
    } catch (error) {
      if (connection.isOpen) throw error;
      return (await this.connection()).call(method, params);
    }
  }

  /** One connection serves all callers, so it does not end with the signal of one. */
  private connection(known?: InspectedContainer): Promise<GatewayConnection> {
    if (this.connecting === undefined) {
      const connecting = this.container.connect(new AbortController().signal, known);
      const forget = (): void => {
        if (this.connecting === connecting) this.connecting = undefined;
      };
      this.connecting = connecting;
      connecting.then(({ ended }) => ended.then(forget), forget);
    }
    return this.connecting;
  }
}

type EncodedDenial = Omit<EgressDenial, 'at'> & { at: string };

function toDenial(denial: EncodedDenial): EgressDenial {
  return { ...denial, at: new Date(denial.at) };
}

function toModelProblem(problem: unknown): ModelProblem | null {
  if (problem === null) return null;
  const { reason, status, at } = problem as Omit<ModelProblem, 'at'> & { at: string };
  return { reason, status, at: new Date(at) };
}
