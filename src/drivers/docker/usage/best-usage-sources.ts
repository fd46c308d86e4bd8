import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { readFileSync } from 'node:fs';
import { ContainerEngine, EngineError } from '../engine/container-engine.js';
import { CgroupUsageSource } from './cgroup-usage-source.js';
import { findCgroup } from './cgroup-files.js';
import { EngineUsageSource } from './engine-usage-source.js';
import { type UsageSource, UsageSources } from './usage-source.js';

/** The kernel's files where they can be read and belong to the container, else the engine's stream. */
@Injectable()
export class BestUsageSources extends UsageSources {
  constructor(
    private readonly runtime: ContainerEngine,
    @InjectPinoLogger(BestUsageSources.name) private readonly logger: PinoLogger,
  ) {
    super();
  }

  async open(dockerId: string): Promise<UsageSource> {
    const container = await this.runtime.containers.inspect(dockerId);
    if (container === null || container.pid === 0) throw new EngineError('conflict', 'the container does not run');
    return this.openCgroup(dockerId, container.pid) ?? new EngineUsageSource(this.runtime, dockerId);
  }

  private openCgroup(dockerId: string, pid: number): UsageSource | undefined {
    try {
      // The engine may be on another machine, where that number is another process.
      if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(dockerId)) return undefined;
      const files = findCgroup(pid);
      return files === undefined ? undefined : new CgroupUsageSource(files);
    } catch (error) {
      this.logger.debug({ err: error, dockerId }, 'The cgroup files cannot be read; the engine is asked instead');
      return undefined;
    }
  }
}
