import type Dockerode from 'dockerode';
import { RuntimeNetworks } from '../container-runtime.js';
import { DEADLINE, engineCall, statusOf } from './engine-call.js';

const NOT_FOUND = 404;
const CONFLICT = 409;

export class DockerNetworks extends RuntimeNetworks {
  constructor(private readonly docker: Dockerode) {
    super();
  }

  async ensureIsolatedBridge(name: string, labels: Record<string, string>): Promise<void> {
    await engineCall(`ensure network ${name}`, DEADLINE.write, async (abortSignal) => {
      try {
        await this.docker.getNetwork(name).inspect({ abortSignal });
        return;
      } catch (error) {
        if (statusOf(error) !== NOT_FOUND) throw error;
      }
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
}
