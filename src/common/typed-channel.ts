import { type Channel, channel } from 'node:diagnostics_channel';

/**
 * A diagnostics channel of the process with typed messages. Modules publish measurements on it without a dependency on
 * the metrics; without subscribers publishing costs nothing.
 */
export class TypedChannel<Message extends object> {
  private readonly channel: Channel;

  constructor(name: string) {
    this.channel = channel(name);
  }

  publish(message: Message): void {
    if (this.channel.hasSubscribers) this.channel.publish(message);
  }

  /** @returns a function that ends the subscription */
  subscribe(listener: (message: Message) => void): () => void {
    const listen = (message: unknown): void => listener(message as Message);
    this.channel.subscribe(listen);
    return () => void this.channel.unsubscribe(listen);
  }
}
