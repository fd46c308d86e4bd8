import { type Channel, channel } from 'node:diagnostics_channel';

/**
 * What a room tells of its work to whoever measures it, without knowing whom. It costs nothing while nobody listens.
 * One channel serves the whole process.
 */
export class TypedChannel<Observed extends object> {
  private readonly channel: Channel;

  constructor(name: string) {
    this.channel = channel(name);
  }

  publish(observed: Observed): void {
    if (this.channel.hasSubscribers) this.channel.publish(observed);
  }

  /** @returns a function that ends it */
  subscribe(listener: (observed: Observed) => void): () => void {
    const listen = (message: unknown): void => listener(message as Observed);
    this.channel.subscribe(listen);
    return () => void this.channel.unsubscribe(listen);
  }
}
