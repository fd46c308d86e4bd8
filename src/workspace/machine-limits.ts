import { Injectable } from '@nestjs/common';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { DomainError, type FieldError } from '../common/errors/domain-error.js';
import { DEFAULT_LIMITS, LIMITS } from '../common/limits.js';
import { EngineMonitor } from '../drivers/engine-monitor.js';

const ENGINE_TIMEOUT_MS = 1_000;

interface Range {
  min: number;
  max: number;
}

/** The bounds of cores and memory, which depend on the machine that runs the workspaces. */
@Injectable()
export class MachineLimits {
  constructor(private readonly monitor: EngineMonitor) {}

  /** Without an answer of the engine, the bounds of any machine. A default is never out of bounds. */
  async ranges(): Promise<{ cpuLimit: Range; memoryLimit: Range }> {
    const { cpuLimit, memoryLimit } = LIMITS;
    const engine = await withTimeout(this.monitor.info(), ENGINE_TIMEOUT_MS).catch(() => undefined);
    if (engine === undefined) return { cpuLimit, memoryLimit };
    const max = (range: Range, machine: number, standard: number): Range => ({
      min: range.min,
      max: Math.min(range.max, Math.max(machine, standard)),
    });
    return {
      cpuLimit: max(cpuLimit, engine.cpus, DEFAULT_LIMITS.cpuLimit),
      memoryLimit: max(memoryLimit, engine.memoryMiB, DEFAULT_LIMITS.memoryLimit),
    };
  }

  /** @throws DomainError `validation_failed` */
  async require(wanted: { cpuLimit?: number; memoryLimit?: number }): Promise<void> {
    const ranges = await this.ranges();
    const errors = (['cpuLimit', 'memoryLimit'] as const).flatMap((field): FieldError[] => {
      const { max } = ranges[field];
      const value = wanted[field];
      return value === undefined || value <= max
        ? []
        : [{ field, messages: [`${field} must not be greater than ${max}, which is what the engine's machine has`] }];
    });
    if (errors.length > 0)
      throw new DomainError('validation_failed', 'The machine of the engine has less than that.', { fields: errors });
  }
}
