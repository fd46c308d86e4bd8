import { DriverError } from '../driver-error.js';
import { WorkspaceDriver } from '../workspace-driver.js';
import type { DenialWatch, EgressRule, WorkspaceEgress, WorkspaceSecrets } from '../workspace-egress.js';
import type { SpendingRules, SpendRecords } from '../workspace-spend.js';
import { FakeDenials } from './fake-denials.js';
import { FakeFaults } from './fake-faults.js';
import { FakeSpending } from './fake-spending.js';
import type { FakeWorkspace } from './fake-workspace.js';

/** The verbs of the port. */
export type DriverCall = Exclude<keyof WorkspaceDriver, 'kind' | 'capabilities'>;

/** What a fake driver does about the egress of its workspaces. */
export abstract class FakeEgressVerbs extends WorkspaceDriver {
  readonly faults = new FakeFaults<DriverCall>();
  /** Images that {@link ensure} finds; {@link prepare} adds to them. */
  readonly images = new Set<string>();
  /** Connections that were refused. */
  readonly denials = new FakeDenials();
  /** What was spent; {@link denials} tells who follows. */
  readonly spending = new FakeSpending();
  /** What {@link packageRules} finds in every image. */
  packageHosts: EgressRule[] = [{ host: 'packages.example.org', ports: [443] }];

  async setEgress(id: string, egress: WorkspaceEgress, signal?: AbortSignal): Promise<void> {
    const workspace = await this.current('setEgress', id, signal);
    workspace.spec = { ...workspace.spec, egress };
    if (egress.mode !== 'open') workspace.hasNetwork = false;
  }

  async setSecrets(id: string, secrets: WorkspaceSecrets, signal?: AbortSignal): Promise<void> {
    (await this.current('setSecrets', id, signal)).secrets = secrets;
  }

  async setSpending(id: string, rules: SpendingRules, signal?: AbortSignal): Promise<void> {
    (await this.current('setSpending', id, signal)).spending = rules;
  }

  async spend(id: string, known: { journal: string; seq: number } | undefined): Promise<SpendRecords> {
    await this.faults.pass('spend');
    return this.spending.after(id, known);
  }

  async watchDenials(watch: DenialWatch, signal: AbortSignal): Promise<void> {
    await this.faults.pass('watchDenials');
    if (!signal.aborted) await this.denials.watch(watch, signal, (listener) => this.faults.whenAway(listener));
  }

  async packageRules(image: string): Promise<EgressRule[]> {
    await this.faults.pass('packageRules');
    if (!this.images.has(image)) throw new DriverError('not_found', `packageRules: no image ${image}`);
    return this.packageHosts;
  }

  /** A workspace that is not outdated. */
  protected abstract current(call: DriverCall, id: string, signal?: AbortSignal): Promise<FakeWorkspace>;
}
