import type { Clock } from '../../../common/time/clock.js';
import { DriverError } from '../../driver-error.js';
import type { ContainerSpec, EngineClient, InspectedContainer } from '../engine/engine-client.js';
import type { WorkspaceImages } from '../images/workspace-images.js';
import { LABEL_GATEWAY_VERSION, LABEL_MANAGED, LABEL_ROLE } from '../labels.js';
import { GatewayConnection } from './gateway-connection.js';

/** As in images/workspace/gateway/control.mjs. A gateway with a lower one is replaced, with a higher one used. */
export const VERSION = 4;
const FOLDER = '/var/lib/devforge-gateway';
const CONTROL_SOCKET = '/run/devforge-gateway/control.sock';
const USER = '2000:2000';
const MEMORY_MIB = 256;
const START_POLL_MS = 50;
const MAX_START_POLLS = 200;

/** The container of the gateway with its network and its volume, all of one name. */
export class GatewayContainer {
  private folder: string | undefined;

  constructor(
    private readonly engine: EngineClient,
    private readonly images: Pick<WorkspaceImages, 'ensure'>,
    private readonly clock: Clock,
    private readonly name: string,
  ) {}

  /** The container, when there is one and DevForge made it. */
  async find(): Promise<InspectedContainer | null> {
    const found = await this.engine.containers.inspect(this.name);
    return found?.labels[LABEL_ROLE] === 'gateway' ? found : null;
  }

  /** Where the folder of a workspace is on the engine's machine, which is the same for every volume of that name. */
  async folderOf(id: string): Promise<string> {
    this.folder ??= await this.engine.volumes.folder(this.name);
    return `${this.folder}/workspaces/${id}`;
  }

  /**
   * Makes sure that the gateway runs, and connects to it.
   * @param known what {@link find} has just found
   */
  async connect(signal: AbortSignal, known?: InspectedContainer): Promise<GatewayConnection> {
    const { dockerId, state } = (await this.current(known)) ?? (await this.create(signal));
    if (state !== 'running') await this.engine.containers.start(dockerId);
    const argv = ['devforge-forward', CONTROL_SOCKET];
    for (let poll = 0; ; poll++) {
      const connection = new GatewayConnection(await this.engine.containers.open(dockerId, { argv, signal }));
      try {
        await connection.greeting;
        return connection;
      } catch (error) {
        connection.close();
        if (poll >= MAX_START_POLLS) throw error;
        await this.clock.sleep(START_POLL_MS, signal);
      }
    }
  }

  async remove(): Promise<void> {
    await this.engine.containers.remove(this.name);
    await this.engine.volumes.remove(this.name);
    await this.engine.networks.remove(this.name);
  }

  private async current(known?: InspectedContainer): Promise<InspectedContainer | null> {
    const found = known ?? (await this.find());
    if (found === null || Number(found.labels[LABEL_GATEWAY_VERSION]) >= VERSION) return found;
    await this.engine.containers.remove(found.dockerId);
    return null;
  }

  private async create(signal: AbortSignal): Promise<Pick<InspectedContainer, 'dockerId' | 'state'>> {
    const image = await this.images.ensure('gateway', () => undefined, signal);
    const labels = { [LABEL_MANAGED]: 'true', [LABEL_ROLE]: 'gateway' };
    await this.engine.networks.ensureIsolatedBridge(this.name, labels);
    await this.engine.volumes.ensure(this.name, labels);
    const spec: ContainerSpec = {
      name: this.name,
      hostname: 'gateway',
      image,
      labels: { ...labels, [LABEL_GATEWAY_VERSION]: String(VERSION) },
      env: {},
      mounts: [{ volume: this.name, target: FOLDER, labels }],
      network: this.name,
      user: USER,
      restarts: true,
      cpuLimit: (await this.engine.system.info()).cpus,
      memoryLimit: MEMORY_MIB,
      pidsLimit: 256,
    };
    const { dockerId } = await this.engine.containers.create(spec);
    const created = await this.find();
    if (created === null)
      throw new DriverError('foreign', `the name ${this.name} belongs to a container that DevForge did not create`);
    return { dockerId, state: created.state };
  }
}
