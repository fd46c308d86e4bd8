import type { SpendingRules, SpendRecords } from '../../workspace-spend.js';
import type { WorkspaceEgress, WorkspaceSecrets } from '../../workspace-egress.js';
import { EgressGateway } from './egress-gateway.js';

/** A gateway that only remembers, for unit tests of the Docker driver. */
export class FakeEgressGateway extends EgressGateway {
  readonly workspaces = new Map<
    string,
    { egress?: WorkspaceEgress; secrets?: WorkspaceSecrets; spending?: SpendingRules }
  >();

  async open(id: string): Promise<string> {
    if (!this.workspaces.has(id)) this.workspaces.set(id, {});
    return `/gateway/${id}`;
  }

  async setEgress(id: string, egress: WorkspaceEgress): Promise<string> {
    this.workspaces.set(id, { ...this.workspaces.get(id), egress });
    return `/gateway/${id}`;
  }

  async setSecrets(id: string, secrets: WorkspaceSecrets): Promise<void> {
    this.workspaces.set(id, { ...this.workspaces.get(id), secrets });
  }

  async setSpending(id: string, spending: SpendingRules): Promise<void> {
    this.workspaces.set(id, { ...this.workspaces.get(id), spending });
  }

  async spend(): Promise<SpendRecords> {
    return { journal: '', entries: [] };
  }

  async watchDenials(): Promise<void> {
    // It refuses nothing.
  }

  async remove(id: string): Promise<void> {
    this.workspaces.delete(id);
  }

  async list(): Promise<string[]> {
    return [...this.workspaces.keys()];
  }

  async removeUnused(): Promise<void> {
    // It has no container.
  }
}
