import { Injectable } from '@nestjs/common';
import { IdGenerator } from '../common/id-generator.js';
import { Clock } from '../common/time/clock.js';
import { DriverError } from '../drivers/driver-error.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import { Presence } from '../persistence/presence.js';
import { type WarmKind, WarmPoolRepository } from '../persistence/warm-pool/warm-pool.repository.js';
import { WorkspaceSpecs } from '../workspace/workspace-specs.js';

const ANSWER_MS = 10_000;
/** How many are made at a time. */
const PARALLEL = 2;

/** Creates workspaces ahead, and removes those that nobody will claim. */
@Injectable()
export class WarmWorkspaceMaker {
  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly specs: WorkspaceSpecs,
    private readonly pool: WarmPoolRepository,
    private readonly presence: Presence,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
  ) {}

  /** The image that those of a kind have now; it is built when it is missing. */
  prepare({ template }: WarmKind, signal: AbortSignal): Promise<string> {
    return this.driver.prepare({ template }, () => undefined, signal);
  }

  /** The fingerprint of those of a kind that are made now. */
  fingerprint(kind: WarmKind, image: string): Promise<string> {
    return this.driver.fingerprint(this.specs.ofWarm('', kind, image));
  }

  /** Makes what is missing of a pool, as far as no other process is making it. @throws the first error */
  async fill({ template, fenced }: WarmKind, image: string, size: number, signal: AbortSignal): Promise<void> {
    const { holder } = this.presence;
    while (!signal.aborted) {
      const reservation = { template, fenced, size, max: PARALLEL, holder, now: this.clock.now() };
      const ids = await this.pool.reserve(reservation, () => this.ids.next());
      if (ids.length === 0) return;
      const made = await Promise.allSettled(ids.map((id) => this.make(id, reservation, image, signal)));
      for (const outcome of made) if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  /** Gives up those that a process was making which has died. */
  async endAbandoned(): Promise<void> {
    for (const { id, state, holder } of await this.pool.list())
      if (state === 'making' && (await this.presence.hasEnded(holder))) await this.pool.end(id, ['making']);
  }

  /** Removes those that are `ending`. */
  async removeEnding(): Promise<void> {
    for (const { id, state } of await this.pool.list()) if (state === 'ending') await this.remove(id);
  }

  /** It is ready once it has answered; after a failure it is removed. */
  private async make(id: string, kind: WarmKind, image: string, signal: AbortSignal): Promise<void> {
    const spec = this.specs.ofWarm(id, kind, image);
    try {
      const ref = await this.driver.ensure(spec, () => undefined, signal);
      await this.driver.start(ref);
      const { exitCode } = await this.driver.exec(ref, { argv: ['true'], timeoutMs: ANSWER_MS, signal });
      if (exitCode !== 0) throw new DriverError('failed', `the new workspace ${id} does not answer: ${exitCode}`);
      const fingerprint = await this.driver.fingerprint(spec);
      const { env } = spec;
      if (!(await this.pool.markReady(id, { runtimeId: ref.runtimeId, fingerprint, env }))) await this.remove(id);
    } catch (error) {
      await this.pool.end(id, ['making']);
      // What is left is removed by the next run.
      await this.remove(id).catch(() => undefined);
      throw error;
    }
  }

  private async remove(id: string): Promise<void> {
    await this.driver.remove(id, { keepData: false });
    await this.pool.forget(id);
  }
}
