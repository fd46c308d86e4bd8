import type { ContainerSampler, SampleSubscriber } from './container-sampler.js';

export interface MetricsSubscriber extends SampleSubscriber {
  /** There are no metrics now. They continue when the container can be sampled again. */
  onFailure(error: unknown): void;
  /** The container was removed; nothing follows. */
  onRemoved(): void;
}

/** The subscribers of each container. They outlive its samplers: when the container runs again they get its metrics again. */
export class MetricsSubscribers {
  private readonly byContainer = new Map<string, Map<MetricsSubscriber, (() => void) | undefined>>();

  /**
   * @param sampler of the container, if it is running
   * @returns a function that ends the subscription
   */
  add(containerId: string, subscriber: MetricsSubscriber, sampler: ContainerSampler | undefined): () => void {
    const all = this.byContainer.get(containerId) ?? new Map<MetricsSubscriber, (() => void) | undefined>();
    this.byContainer.set(containerId, all);
    all.set(subscriber, sampler?.subscribe(subscriber));
    return () => {
      all.get(subscriber)?.();
      all.delete(subscriber);
      if (all.size === 0 && this.byContainer.get(containerId) === all) this.byContainer.delete(containerId);
    };
  }

  /** Subscribes all subscribers of the container to its new sampler. */
  attach(containerId: string, sampler: ContainerSampler): void {
    const all = this.byContainer.get(containerId);
    for (const subscriber of this.of(containerId)) all?.set(subscriber, sampler.subscribe(subscriber));
  }

  of(containerId: string): Iterable<MetricsSubscriber> {
    return this.byContainer.get(containerId)?.keys() ?? [];
  }
}
