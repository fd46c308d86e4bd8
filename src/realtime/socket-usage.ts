import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { Settings } from '../config/settings.js';

/** The open sockets of one principal in this process, and their subscriptions of every kind. */
export class SocketUsage {
  sockets = 0;
  subscriptions = 0;

  constructor(private readonly max: { readonly sockets: number; readonly subscriptions: number }) {}

  /** Whether another socket is allowed. */
  get hasRoom(): boolean {
    return this.sockets < this.max.sockets;
  }

  /** @throws DomainError `too_many_connections` when no other socket is allowed */
  requireSocket(): void {
    if (!this.hasRoom)
      throw new DomainError('too_many_connections', `At most ${this.max.sockets} connections may be open at a time.`);
  }

  /** @throws DomainError `too_many_subscriptions` when no other subscription is allowed */
  requireSubscription(): void {
    if (this.subscriptions >= this.max.subscriptions)
      throw new DomainError(
        'too_many_subscriptions',
        `All connections together have at most ${this.max.subscriptions} subscriptions.`,
      );
  }
}

/** What each principal uses of sockets. */
@Injectable()
export class SocketUsages {
  private readonly byPrincipal = new Map<string, SocketUsage>();

  constructor(private readonly settings: Settings) {}

  of(principalId: string): SocketUsage {
    return this.byPrincipal.get(principalId) ?? new SocketUsage(this.settings.concurrencyLimits);
  }

  /** Counts a socket that was opened. @returns its principal's usage */
  open(principalId: string): SocketUsage {
    const usage = this.of(principalId);
    this.byPrincipal.set(principalId, usage);
    usage.sockets += 1;
    return usage;
  }

  close(principalId: string): void {
    const usage = this.of(principalId);
    usage.sockets -= 1;
    if (usage.sockets <= 0) this.byPrincipal.delete(principalId);
  }
}
