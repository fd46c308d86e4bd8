import { DriverError } from '../driver-error.js';
import type { DenialWatch, EgressDenial, ModelProblem } from '../workspace-egress.js';

interface Watcher {
  onDenial: (denial: EgressDenial) => void;
  onSpend: (id: string) => void;
  onModelProblem: (id: string, problem: ModelProblem | null) => void;
  end: (error?: DriverError) => void;
}

/** The refused connections of a fake driver's workspaces, and who follows them. */
export class FakeDenials {
  readonly all: EgressDenial[] = [];
  private readonly watchers = new Set<Watcher>();

  /** A workspace tries what it may not. */
  deny(
    id: string,
    { host = 'example.org', port = 443, reason = 'not_allowed' as EgressDenial['reason'], attempts = 1 } = {},
  ): EgressDenial {
    const seq = this.all.filter((denial) => denial.id === id).length + 1;
    const denial = { id, seq, at: new Date(), host, port, reason, attempts };
    this.all.push(denial);
    for (const { onDenial } of this.watchers) onDenial(denial);
    return denial;
  }

  /** @param whenAway registers what to do when the engine goes away @returns a promise of the end */
  watch(
    { after, onDenial, onSpend, onModelProblem, onReady }: DenialWatch,
    signal: AbortSignal,
    whenAway: (listener: () => void) => () => void,
  ): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const watcher: Watcher = {
        onDenial,
        onSpend,
        onModelProblem,
        end: (error) => {
          this.watchers.delete(watcher);
          forget();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const forget = whenAway(() => watcher.end(gone()));
      signal.addEventListener('abort', () => watcher.end(), { once: true });
      this.watchers.add(watcher);
      for (const denial of this.all) if (denial.seq > (after.get(denial.id) ?? 0)) onDenial(denial);
      onReady();
    });
  }

  /** A workspace has spent something. */
  tellSpend(id: string): void {
    for (const { onSpend } of this.watchers) onSpend(id);
  }

  /** The model's API refuses a workspace, or no longer does. */
  tellModelProblem(id: string, problem: ModelProblem | null): void {
    for (const { onModelProblem } of this.watchers) onModelProblem(id, problem);
  }

  breakWatches(): void {
    for (const watcher of this.watchers) watcher.end(gone());
  }
}

function gone(): DriverError {
  return new DriverError('unavailable', 'watch denials: the gateway went away');
}
