import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { CoalescedRefresh } from '../common/concurrency/coalesced-refresh.js';
import { isId } from '../common/id-generator.js';
import { Clock } from '../common/time/clock.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { SpendRecord } from '../drivers/workspace-spend.js';
import { type SpendEntry, SpendRepository } from '../persistence/spend/spend.repository.js';
import { SpendCounters } from './spend-counters.js';

const RETRY_DELAY_MS = { initial: 500, max: 30_000 };
const MAX_MODEL_LENGTH = 200;

/**
 * Stores what the gateway has counted. The gateway keeps each entry until DevForge confirms that it is stored, and the row of its
 * journal says up to where that is; so nothing is lost or counted twice when either ends in between.
 */
@Injectable()
export class SpendCollector implements OnModuleDestroy {
  private readonly refreshes = new CoalescedRefresh();
  private readonly stopped = new AbortController();

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly spend: SpendRepository,
    private readonly counters: SpendCounters,
    private readonly clock: Clock,
    @InjectPinoLogger(SpendCollector.name) private readonly logger: PinoLogger,
  ) {}

  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /** Stores everything that the container has spent until now. @throws DriverError, or an error of the database */
  collect(containerId: string): Promise<void> {
    return this.refreshes.run(
      containerId,
      () => this.run(containerId),
      () => undefined,
    );
  }

  /** The same in the background, until it succeeds. */
  collectSoon(containerId: string): void {
    void this.collectAtLast(containerId);
  }

  private async collectAtLast(containerId: string): Promise<void> {
    let delayMs = RETRY_DELAY_MS.initial;
    while (!this.stopped.signal.aborted) {
      try {
        return await this.collect(containerId);
      } catch (error) {
        this.logger.warn({ err: error, containerId }, 'What a container has spent could not be stored yet');
        await this.clock.sleep(delayMs, this.stopped.signal);
        delayMs = Math.min(2 * delayMs, RETRY_DELAY_MS.max);
      }
    }
  }

  private async run(containerId: string): Promise<void> {
    if (!isId(containerId)) return;
    for (;;) {
      const mark = await this.spend.mark(containerId);
      // Another server's, which shares the gateway.
      if (mark === null || this.stopped.signal.aborted) return;
      const { journal, entries } = await this.driver.spend(containerId, mark);
      if (entries.length === 0) return;
      this.counters.count(await this.spend.store(containerId, journal, entries.map(toEntry)));
    }
  }
}

function toEntry({ seq, at, instruction, parts, isEstimated, refused }: SpendRecord): SpendEntry {
  return {
    seq,
    at: new Date(at),
    instructionId: instruction !== null && isId(instruction) ? instruction : null,
    parts: parts.map((part) => ({
      model: part.model.slice(0, MAX_MODEL_LENGTH).toWellFormed().replaceAll('\0', '\uFFFD'),
      inputTokens: part.input,
      outputTokens: part.output,
      cacheReadTokens: part.cacheRead,
      cacheWriteTokens: part.cacheWrite5m + part.cacheWrite1h,
      webSearches: part.webSearches,
      nanos: part.nanos,
      isPriced: part.isPriced,
    })),
    isEstimated,
    refused: refused ?? null,
  };
}
