import type { ContainerSampler, SampleSubscriber } from './container-sampler.js';

export interface MetricsSubscriber extends SampleSubscriber {
  /** There are no figures now; they come again when they can be had. */
  onFailure(error: unknown): void;
  /** Nothing comes any more. */
  onRemoved(): void;
}

/** Who watches which container. They outlive its samplers: a container that runs again is watched again. */
export class MetricsSubscribers {
  private readonly watchers = new Map<string, Map<MetricsSubscriber, (() => void) | undefined>>();

  /**
   * @param sampler of the container, while there is one
   * @returns a function that ends it
   */
  add(containerId: string, watcher: MetricsSubscriber, sampler: ContainerSampler | undefined): () => void {
    const all = this.watchers.get(containerId) ?? new Map<MetricsSubscriber, (() => void) | undefined>();
    this.watchers.set(containerId, all);
    all.set(watcher, sampler?.subscribe(watcher));
    return () => {
      all.get(watcher)?.();
      all.delete(watcher);
      if (all.size === 0 && this.watchers.get(containerId) === all) this.watchers.delete(containerId);
    };
  }

  /** From now on they are served by that sampler. */
  serve(containerId: string, sampler: ContainerSampler): void {
    const all = this.watchers.get(containerId);
    for (const watcher of this.of(containerId)) all?.set(watcher, sampler.subscribe(watcher));
  }

  of(containerId: string): Iterable<MetricsSubscriber> {
    return this.watchers.get(containerId)?.keys() ?? [];
  }
}
