import { RuntimeNetworks } from '../docker/engine/container-engine.js';
import type { FakeFaults } from './fake-faults.js';

/** Networks that every engine has. */
const BUILT_IN = ['none', 'bridge'];

export class FakeNetworks extends RuntimeNetworks {
  private readonly present = new Set<string>(BUILT_IN);

  constructor(private readonly faults: FakeFaults) {
    super();
  }

  async ensureIsolatedBridge(name: string, _labels: Record<string, string>): Promise<void> {
    await this.faults.pass('networks.ensureIsolatedBridge');
    this.present.add(name);
  }

  async remove(name: string): Promise<void> {
    await this.faults.pass('networks.remove');
    this.present.delete(name);
  }

  has(name: string): boolean {
    return this.present.has(name);
  }
}
