import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';
import type { Container } from '../../test/support/api/types.js';
import { timed } from './statistics.js';

/**
 * The yardstick: the engine's own create and start, by a bare dockerode, with the very options that DevForge
 * sent for one of its containers. Only the id in names, labels and environment is a new one each time, so
 * that the volumes are new as well.
 */
export class BareContainers {
  private readonly open = new Set<string>();

  /**
   * @param options as DevForge sent them
   * @param original the container they were for
   */
  constructor(
    private readonly docker: Docker,
    private readonly options: ContainerCreateOptions,
    private readonly original: Container,
  ) {}

  /** @returns milliseconds until the engine has answered the start */
  async measure(): Promise<number> {
    const id = randomUUID();
    const options = this.optionsFor(id);
    this.open.add(id);
    const { ms } = await timed(async () => {
      const container = await this.docker.createContainer(options);
      await container.start();
    });
    await this.remove(id);
    return ms;
  }

  /** What an interrupted measurement left. */
  async removeAll(): Promise<void> {
    for (const id of this.open) await this.remove(id).catch(() => undefined);
  }

  private async remove(id: string): Promise<void> {
    const options = this.optionsFor(id);
    await this.docker.getContainer(options.name!).remove({ force: true, v: true });
    for (const { Source } of options.HostConfig?.Mounts ?? []) await this.docker.getVolume(Source).remove();
    this.open.delete(id);
  }

  private optionsFor(id: string): ContainerCreateOptions {
    const { id: ofOriginal, name } = this.original;
    const text = JSON.stringify(this.options)
      .replaceAll(ofOriginal, id)
      .replaceAll(JSON.stringify(name), JSON.stringify(`bare-${id.slice(0, 8)}`));
    return JSON.parse(text) as ContainerCreateOptions;
  }
}
