import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Writable } from 'node:stream';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../common/concurrency/periodic-task.js';
import { Clock } from '../common/time/clock.js';
import { AccessRevisionsRepository } from '../persistence/auth/access-revisions.repository.js';
import { CredentialIdentities } from './credentials/credential-identities.js';
import { type Identity, neededFor, type Principal } from './principal.js';

const INTERVAL_MS = 1_500;
/** Connections whose credentials are read together. */
const CHECKED_AT_ONCE = 200;
/** For how long identities are trusted while the database does not answer. */
const TRUST_MS = 4_500;

/**
 * Ends the connections of a revoked or expired credential, in every process within five seconds of the change: each reads
 * one number at intervals, which grows with every change of who may do what.
 */
@Injectable()
export class Revocation implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly task: PeriodicTask;
  private readonly connections = new Map<Identity, () => void>();
  private readonly listeners = new Set<() => void>();
  private revision = -1;
  private readAt: number;

  constructor(
    private readonly revisions: AccessRevisionsRepository,
    private readonly identities: CredentialIdentities,
    private readonly clock: Clock,
    @InjectPinoLogger(Revocation.name) logger: PinoLogger,
  ) {
    this.readAt = clock.now().getTime();
    this.task = new PeriodicTask(clock, () => this.check(), {
      intervalMs: INTERVAL_MS,
      onError: (error) => {
        logger.debug({ err: error }, 'Changes of access could not be read');
        if (this.clock.now().getTime() - this.readAt > TRUST_MS) this.identities.forget();
      },
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.task.stop();
  }

  /** Makes a change of this process take effect now. */
  noticeChange(): void {
    this.identities.forget();
    this.task.trigger();
  }

  /**
   * Calls the listener after every change of who may do what, and once after the start.
   * @returns ends that
   */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Calls `end` once when the credential of a connection is no longer valid, or allows less than it did.
   * @returns stops watching it
   */
  watch(identity: Identity, end: () => void): () => void {
    if (identity.credential.kind === 'admin_token') return () => undefined;
    // The same identity may have many connections.
    const connection = { ...identity };
    this.connections.set(connection, end);
    return () => this.connections.delete(connection);
  }

  /**
   * Destroys a response or a socket when the credential that it was opened with is no longer valid, or does not allow it any
   * more; what it still allows goes on.
   */
  watchStream(principal: Principal, stream: Writable): void {
    if (stream.destroyed) return;
    const unwatch = this.watch(principal, () => stream.destroy());
    stream.once('close', unwatch);
  }

  private async check(): Promise<void> {
    const revision = await this.revisions.current();
    this.readAt = this.clock.now().getTime();
    if (revision !== this.revision) {
      this.identities.forget();
      for (const listener of this.listeners) listener();
    }
    this.revision = revision;
    const connections = [...this.connections];
    for (let at = 0; at < connections.length; at += CHECKED_AT_ONCE)
      await Promise.all(connections.slice(at, at + CHECKED_AT_ONCE).map((connection) => this.checkOne(...connection)));
    await this.identities.storeUses();
  }

  private async checkOne(identity: Identity, end: () => void): Promise<void> {
    if ((await this.identities.stillHolds(neededFor(identity))) || !this.connections.delete(identity)) return;
    end();
  }
}
