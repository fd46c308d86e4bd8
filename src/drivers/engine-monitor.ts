import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { safeMessageOf } from '../common/errors/error-report.js';
import { Clock } from '../common/time/clock.js';
import { DomainEvents } from '../events/domain-events.js';
import { type EngineInfo, WorkspaceDriver } from './workspace-driver.js';
import type { WorkspaceEvent } from './workspace.js';

const PING_EVERY_MS = 3_000;
const RETRY_MS = { first: 250, max: 5_000 };

/**
 * Keeps the engine's event stream open and knows whether the engine answers. The stream has no heartbeat of its own, so
 * pings tell an idle engine from one that is gone.
 */
@Injectable()
export class EngineMonitor implements OnApplicationShutdown {
  private readonly stopped = new AbortController();
  private readonly listeners = new Set<(event: WorkspaceEvent) => void>();
  private loop: Promise<void> | undefined;
  private available: boolean | undefined;
  private knownInfo: Promise<EngineInfo> | undefined;

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(EngineMonitor.name) private readonly logger: PinoLogger,
  ) {}

  /** Begins to follow the engine; listeners that are registered already miss nothing. */
  start(): void {
    this.loop ??= this.run();
  }

  onEvent(listener: (event: WorkspaceEvent) => void): void {
    this.listeners.add(listener);
  }

  /** Asked once for as long as the engine stays. */
  info(): Promise<EngineInfo> {
    this.knownInfo ??= this.driver.info().catch((error: unknown) => {
      this.knownInfo = undefined;
      throw error;
    });
    return this.knownInfo;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    await this.loop;
  }

  private async run(): Promise<void> {
    let retryMs = RETRY_MS.first;
    while (!this.stopped.signal.aborted) {
      try {
        await this.follow(() => (retryMs = RETRY_MS.first));
        throw new Error('the event stream ended');
      } catch (error) {
        if (this.stopped.signal.aborted) return;
        this.becomeUnavailable(error);
      }
      await this.clock.sleep(retryMs, this.stopped.signal);
      retryMs = Math.min(retryMs * 2, RETRY_MS.max);
    }
  }

  private async follow(onReady: () => void): Promise<void> {
    const lost = new AbortController();
    const signal = AbortSignal.any([lost.signal, this.stopped.signal]);
    await this.driver.ping();
    const watching = this.driver.watch(
      (event) => this.listeners.forEach((listener) => listener(event)),
      signal,
      () => {
        onReady();
        this.becomeAvailable();
      },
    );
    let failure: unknown;
    const pinging = this.pingUntil(signal).catch((error: unknown) => {
      failure = error;
      lost.abort();
    });
    try {
      await watching;
    } finally {
      lost.abort();
      await pinging;
    }
    if (failure !== undefined) throw failure;
  }

  private async pingUntil(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.clock.sleep(PING_EVERY_MS, signal);
      if (signal.aborted) return;
      // One slow answer may be load; two in a row count as away.
      await this.driver.ping().catch(() => this.driver.ping());
    }
  }

  private becomeAvailable(): void {
    if (this.available === true) return;
    this.available = true;
    this.logger.info('The container engine answers');
    this.events.emit('engine.available', {});
    this.info().then(
      ({ name, version, shortcomings }) => {
        this.logger.info({ name, version }, 'The container engine is known');
        for (const shortcoming of shortcomings) this.logger.warn({ name, version }, shortcoming);
      },
      () => undefined,
    );
  }

  private becomeUnavailable(error: unknown): void {
    if (this.available === false) return;
    this.available = false;
    this.knownInfo = undefined;
    const reason = safeMessageOf(error);
    this.logger.warn({ reason }, 'The container engine does not answer');
    this.events.emit('engine.unavailable', { reason });
  }
}
