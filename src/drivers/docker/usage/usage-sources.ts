import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { readFileSync } from 'node:fs';
import { DriverError } from '../../driver-error.js';
import type { UsageSource } from '../../workspace-usage.js';
import { EngineClient } from '../engine/engine-client.js';
import { findCgroup } from './cgroup-files.js';
import { CgroupUsageSource } from './cgroup-usage-source.js';
import { EngineUsageSource } from './engine-usage-source.js';

/** Reads usage from the kernel's cgroup files where they are readable and belong to the container, else from the engine's stream. */
@Injectable()
export class UsageSources {
  constructor(
    private readonly engine: EngineClient,
    @InjectPinoLogger(UsageSources.name) private readonly logger: PinoLogger,
  ) {}

  async open(dockerId: string): Promise<UsageSource> {
    const container = await this.engine.containers.inspect(dockerId);
    if (container === null || container.pid === 0) throw new DriverError('conflict', 'the container does not run');
    const source = this.openCgroup(dockerId, container.pid);
    if (source !== undefined) return source;
    const { measuresUsage, statisticsEveryMs, name } = await this.engine.system.info();
    if (!measuresUsage) throw new DriverError('failed', `${name} cannot measure what the container uses`);
    return new EngineUsageSource(this.engine, dockerId, statisticsEveryMs);
  }

  private openCgroup(dockerId: string, pid: number): UsageSource | undefined {
    try {
      // The engine may be on another machine, where this pid is another process.
      if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(dockerId)) return undefined;
      const files = findCgroup(pid);
      return files === undefined ? undefined : new CgroupUsageSource(files);
    } catch (error) {
      this.logger.debug({ err: error, dockerId }, 'The cgroup files cannot be read; using the engine instead');
      return undefined;
    }
  }
}
