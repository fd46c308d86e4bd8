import type Dockerode from 'dockerode';
import { SerialQueue } from '../../../common/concurrency/serial-queue.js';
import { DriverError } from '../../driver-error.js';
import { EngineNetworks } from './engine-client.js';
import { DEADLINE, engineCall, statusOf } from './engine-call.js';

const FORBIDDEN = 403;
const NOT_FOUND = 404;
const CONFLICT = 409;

export class DockerNetworks extends EngineNetworks {
  private readonly creations = new SerialQueue();

  constructor(private readonly docker: Dockerode) {
    super();
  }

  /**
   * Concurrent requests make Docker create two networks with one name, and it then starts no container on either.
   * Requests of this process are therefore serialized, and duplicates created by other processes removed.
   */
  ensureIsolatedBridge(name: string, labels: Record<string, string>): Promise<void> {
    return this.creations.run(() =>
      engineCall(`ensure network ${name}`, DEADLINE.write, (abortSignal) => this.ensure(name, labels, abortSignal)),
    );
  }

  async list(label: string): Promise<{ name: string; labels: Record<string, string> }[]> {
    return engineCall('list networks', DEADLINE.read, async (abortSignal) => {
      const networks = await this.docker.listNetworks({ filters: { label: [label] }, abortSignal });
      return networks.map(({ Name, Labels }) => ({ name: Name, labels: Labels ?? {} }));
    });
  }

  async remove(name: string): Promise<void> {
    await engineCall(`remove network ${name}`, DEADLINE.write, async (abortSignal) => {
      try {
        await this.docker.getNetwork(name).remove({ abortSignal });
      } catch (error) {
        if (statusOf(error) !== NOT_FOUND) throw error;
      }
    });
  }

  async disconnect(name: string, dockerId: string): Promise<void> {
    await engineCall(`disconnect network ${name}`, DEADLINE.write, async (abortSignal) => {
      try {
        await this.docker.getNetwork(name).disconnect({ Container: dockerId, Force: true, abortSignal });
      } catch (error) {
        if (await this.hasEndpoint(name, dockerId, abortSignal)) throw error;
      }
    });
  }

  /** Engine versions refuse differently when there is nothing to disconnect. */
  private async hasEndpoint(name: string, dockerId: string, abortSignal: AbortSignal): Promise<boolean> {
    try {
      const { NetworkSettings } = await this.docker.getContainer(dockerId).inspect({ abortSignal });
      return name in NetworkSettings.Networks;
    } catch (error) {
      if (statusOf(error) === NOT_FOUND) return false;
      throw error;
    }
  }

  private async ensure(name: string, labels: Record<string, string>, abortSignal: AbortSignal): Promise<void> {
    let found = await this.named(name, abortSignal);
    if (found.length === 0) {
      await this.create(name, labels, abortSignal);
      found = await this.named(name, abortSignal);
    }
    if (
      !found.every((network) => Object.entries(labels).every(([label, value]) => network.Labels?.[label] === value))
    ) {
      throw new DriverError('conflict', `the name ${name} belongs to a network that DevForge did not make`);
    }
    if (found.length > 1) await this.keepOne(found, abortSignal);
  }

  private async named(name: string, abortSignal: AbortSignal): Promise<Dockerode.NetworkInspectInfo[]> {
    const similar = await this.docker.listNetworks({ filters: { name: [name] }, abortSignal });
    return similar.filter((network) => network.Name === name);
  }

  private async create(name: string, labels: Record<string, string>, abortSignal: AbortSignal): Promise<void> {
    try {
      await this.docker.createNetwork({
        Name: name,
        Driver: 'bridge',
        CheckDuplicate: true,
        Labels: labels,
        Options: { 'com.docker.network.bridge.enable_icc': 'false' },
        abortSignal,
      });
    } catch (error) {
      if (statusOf(error) !== CONFLICT) throw error;
    }
  }

  /** Keeps the oldest, or the one that has containers already. */
  private async keepOne(networks: Dockerode.NetworkInspectInfo[], abortSignal: AbortSignal): Promise<void> {
    const [oldest, ...others] = networks.toSorted((a, b) => (`${a.Created} ${a.Id}` < `${b.Created} ${b.Id}` ? -1 : 1));
    const removals = await Promise.all(others.map((network) => this.removeUnused(network.Id, abortSignal)));
    if (removals.includes(false)) await this.removeUnused(oldest!.Id, abortSignal);
  }

  private async removeUnused(id: string, abortSignal: AbortSignal): Promise<boolean> {
    try {
      await this.docker.getNetwork(id).remove({ abortSignal });
    } catch (error) {
      if (statusOf(error) === FORBIDDEN) return false;
      if (statusOf(error) !== NOT_FOUND) throw error;
    }
    return true;
  }
}
