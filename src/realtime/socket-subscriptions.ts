import { DomainError } from '../common/errors/domain-error.js';
import type { SocketCounters, SubscriptionKind } from './socket-counters.js';
import type { TypedSocket } from './typed-socket.js';

export interface SubscriptionOptions<Subscription> {
  /** Label of these subscriptions in the Prometheus metrics. */
  kind: SubscriptionKind;
  /** Subscriptions allowed for each socket. */
  max: number;
  /** What the error message calls them, in the plural: `log subscriptions`. */
  label: string;
  /** Frees what a subscription holds. Called once for each subscription, however it ends. */
  release?: (subscription: Subscription, socket: TypedSocket) => void;
}

/**
 * The subscriptions of one kind: which socket is subscribed to which topics. Limits them per socket and counts them for
 * the metrics. A gateway calls {@link endAll} when a socket disconnects.
 */
export class SocketSubscriptions<Subscription> {
  private readonly bySocket = new Map<TypedSocket, Map<string, Subscription>>();
  private readonly reserved = new WeakMap<TypedSocket, number>();

  constructor(
    counters: SocketCounters,
    private readonly options: SubscriptionOptions<Subscription>,
  ) {
    counters.countSubscriptions(options.kind, () => this.size);
  }

  /** Subscriptions of all sockets. */
  get size(): number {
    let size = 0;
    for (const topics of this.bySocket.values()) size += topics.size;
    return size;
  }

  /** Sockets that have at least one subscription. */
  sockets(): Iterable<TypedSocket> {
    return this.bySocket.keys();
  }

  /** Every subscription of every socket. */
  *values(): Generator<Subscription> {
    for (const topics of this.bySocket.values()) yield* topics.values();
  }

  get(socket: TypedSocket, topic: string): Subscription | undefined {
    return this.bySocket.get(socket)?.get(topic);
  }

  has(socket: TypedSocket, topic: string): boolean {
    return this.bySocket.get(socket)?.has(topic) ?? false;
  }

  /**
   * Subscribes the socket to the topic; an earlier subscription to the same topic ends first.
   * @param create is called when the subscription is allowed
   * @returns undefined, without a call of `create`, when the socket is disconnected
   * @throws DomainError `too_many_subscriptions`
   */
  add(socket: TypedSocket, topic: string, create: () => Subscription): Subscription | undefined {
    if (!socket.connected) return undefined;
    if (!this.has(socket, topic)) this.requireRoom(socket, this.countOf(socket));
    this.end(socket, topic);
    const subscription = create();
    socket.data.usage.subscriptions += 1;
    const topics = this.bySocket.get(socket) ?? new Map<string, Subscription>();
    this.bySocket.set(socket, topics.set(topic, subscription));
    return subscription;
  }

  /**
   * Reserves room for a subscription that takes time to set up, and whose topic may not be known yet.
   * @param topic one that the socket is subscribed to already needs no room
   * @returns a function that gives the room back; it is called after {@link add}, or when the setup failed
   * @throws DomainError `too_many_subscriptions`
   */
  reserve(socket: TypedSocket, topic?: string): () => void {
    const reserved = this.reserved.get(socket) ?? 0;
    if (topic === undefined || !this.has(socket, topic)) this.requireRoom(socket, this.countOf(socket) + reserved);
    this.reserved.set(socket, reserved + 1);
    return () => this.reserved.set(socket, this.reserved.get(socket)! - 1);
  }

  /** Does nothing when there is no such subscription. */
  end(socket: TypedSocket, topic: string): void {
    const topics = this.bySocket.get(socket);
    if (topics === undefined || !topics.has(topic)) return;
    const subscription = topics.get(topic)!;
    topics.delete(topic);
    if (topics.size === 0) this.bySocket.delete(socket);
    socket.data.usage.subscriptions -= 1;
    this.options.release?.(subscription, socket);
  }

  /** Ends all subscriptions of a socket. */
  endAll(socket: TypedSocket): void {
    for (const topic of this.bySocket.get(socket)?.keys() ?? []) this.end(socket, topic);
  }

  /** Ends the subscriptions of all sockets to one topic. */
  endTopic(topic: string): void {
    for (const socket of this.bySocket.keys()) this.end(socket, topic);
  }

  private countOf(socket: TypedSocket): number {
    return this.bySocket.get(socket)?.size ?? 0;
  }

  private requireRoom({ data: { usage } }: TypedSocket, taken: number): void {
    const { max, label } = this.options;
    if (taken >= max) throw new DomainError('too_many_subscriptions', `One connection has at most ${max} ${label}.`);
    usage.requireSubscription();
  }
}
