import { EngineNetworks } from '../engine-client.js';
import type { FakeFaults } from '../../../fake/fake-faults.js';
import type { FakeEngineCall } from './fake-calls.js';

/** Networks that every engine has. */
const BUILT_IN = ['none', 'bridge'];

export class FakeNetworks extends EngineNetworks {
  private readonly present = new Set<string>(BUILT_IN);

  constructor(private readonly faults: FakeFaults<FakeEngineCall>) {
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
