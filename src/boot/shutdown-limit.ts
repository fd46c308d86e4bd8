import type { LoggerService } from '@nestjs/common';
import { constants } from 'node:os';

/** Less than the 10 s after which `docker stop` kills. */
const LONGEST_MS = 8_000;

/**
 * Ends a shutdown that hangs, as BullMQ's does for as long as Redis is away. Nothing is lost: the rows say what
 * is to be done, and an embedded database that stays behind is adopted by the next start.
 */
export function limitShutdown(logger: LoggerService): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      const end = (): never => {
        logger.warn(`The shutdown is not over after ${LONGEST_MS} ms; ending it`);
        process.exit(128 + constants.signals[signal]);
      };
      setTimeout(end, LONGEST_MS).unref();
    });
  }
}
