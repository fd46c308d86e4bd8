import { EngineNetworks } from '../engine-client.js';
import type { FakeFaults } from '../../../fake/fake-faults.js';
import { type FakeEngineCall, matchesLabel } from './fake-calls.js';

/** Networks that every engine has. */
const BUILT_IN = ['none', 'bridge'];

export class FakeNetworks extends EngineNetworks {
  /** A container has lost its interface. */
  onDisconnect: (name: string, dockerId: string) => void = () => undefined;
  private readonly present = new Map<string, Record<string, string>>(BUILT_IN.map((name) => [name, {}]));

  constructor(private readonly faults: FakeFaults<FakeEngineCall>) {
    super();
  }

  async ensureIsolatedBridge(name: string, labels: Record<string, string>): Promise<void> {
    await this.faults.pass('networks.ensureIsolatedBridge');
    if (!this.present.has(name)) this.present.set(name, labels);
  }

  async list(label: string): Promise<{ name: string; labels: Record<string, string> }[]> {
    await this.faults.pass('networks.list');
    const found = [...this.present].filter(([, labels]) => matchesLabel(labels, label));
    return this.faults.listed(found.map(([name, labels]) => ({ name, labels })));
  }

  async remove(name: string): Promise<void> {
    await this.faults.pass('networks.remove');
    this.present.delete(name);
  }

  async disconnect(name: string, dockerId: string): Promise<void> {
    await this.faults.pass('networks.disconnect');
    this.onDisconnect(name, dockerId);
  }

  has(name: string): boolean {
    return this.present.has(name);
  }
}
