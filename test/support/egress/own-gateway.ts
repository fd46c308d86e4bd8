import type Docker from 'dockerode';
import { randomUUID } from 'node:crypto';
import type { Engine } from '../api/engine.js';
import { TEST_GATEWAY } from '../api/test-gateway.js';
import { until } from '../e2e/until.js';

/** A gateway that only one server under test uses, so that it can be killed. */
export class OwnGateway {
  readonly name = `${TEST_GATEWAY}-${randomUUID().slice(0, 8)}`;

  constructor(private readonly engine: Engine) {}

  /** For the server. */
  get env(): Record<string, string> {
    return { EGRESS_GATEWAY_NAME: this.name };
  }

  /** Kills its process, as a crash would: the engine starts it again at once. */
  async crash(): Promise<void> {
    const { State: before } = await this.container.inspect();
    const kill =
      'for each in /proc/[0-9]*; do case $(readlink $each/exe) in */node) kill -9 ${each#/proc/} ;; esac; done';
    await this.engine.exec(this.name, ['sh', '-c', kill], { user: '2000' }).catch(() => undefined);
    await until('the gateway to be back', async () => {
      const { State: now } = await this.container.inspect();
      return now.Running && now.StartedAt !== before.StartedAt;
    });
  }

  /** Kills it as an engine that ends does: nobody but DevForge starts it again. */
  async kill(): Promise<void> {
    await this.container.kill();
  }

  /** For the end, when no workspace uses it any more. */
  async remove(): Promise<void> {
    const { docker } = this.engine;
    await this.container.remove({ force: true }).catch(() => undefined);
    await docker
      .getVolume(this.name)
      .remove()
      .catch(() => undefined);
    await docker
      .getNetwork(this.name)
      .remove()
      .catch(() => undefined);
  }

  private get container(): Docker.Container {
    return this.engine.docker.getContainer(this.name);
  }
}
