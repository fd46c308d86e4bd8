import type { LoggerService } from '@nestjs/common';
import { constants } from 'node:os';

/** Less than the 10 seconds after which `docker stop` kills a container. */
const SHUTDOWN_TIMEOUT_MS = 8_000;

/**
 * Ends the process when its shutdown takes too long; that of BullMQ hangs while Redis is unavailable. Nothing is lost:
 * unfinished work is in the database, and the next start adopts an embedded server that is still running.
 */
export function limitShutdown(logger: LoggerService): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      const exit = (): never => {
        logger.warn(`The shutdown did not finish within ${SHUTDOWN_TIMEOUT_MS} ms; exiting`);
        process.exit(128 + constants.signals[signal]);
      };
      setTimeout(exit, SHUTDOWN_TIMEOUT_MS).unref();
    });
  }
}
