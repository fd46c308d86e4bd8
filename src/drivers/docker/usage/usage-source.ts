import type { UsageRecord } from '../engine/container-engine.js';

/** Where the usage of one container is read. */
export abstract class UsageSource {
  /** @throws when the container has stopped, or cannot be read any more */
  abstract read(): Promise<UsageRecord>;
  /** Ids of its processes that run Claude Code, as this machine numbers them; undefined where they cannot be seen. */
  abstract claudeProcesses(): number[] | undefined;
  abstract close(): void;
}

/** Opens the best source that the engine and this machine allow. */
export abstract class UsageSources {
  abstract open(dockerId: string): Promise<UsageSource>;
}
