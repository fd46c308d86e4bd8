import { DriverError } from '../../../driver-error.js';
import { EngineVolumes } from '../engine-client.js';
import type { FakeFaults } from '../../../fake/fake-faults.js';
import { type FakeEngineCall, matchesLabel } from './fake-calls.js';

export class FakeVolumes extends EngineVolumes {
  /** Names of the volumes that containers mount; the engine does not remove those. */
  usedBy: () => string[] = () => [];
  private readonly present = new Map<string, Record<string, string>>();

  constructor(private readonly faults: FakeFaults<FakeEngineCall>) {
    super();
  }

  async list(label: string): Promise<{ name: string; labels: Record<string, string> }[]> {
    await this.faults.pass('volumes.list');
    const found = [...this.present].filter(([, labels]) => matchesLabel(labels, label));
    return this.faults.listed(found.map(([name, labels]) => ({ name, labels })));
  }

  async exists(name: string): Promise<boolean> {
    await this.faults.pass('volumes.exists');
    return this.present.has(name);
  }

  async ensure(name: string, labels: Record<string, string>): Promise<void> {
    await this.faults.pass('volumes.ensure');
    this.add(name, labels);
    const present = this.present.get(name)!;
    if (Object.entries(labels).every(([label, value]) => present[label] === value)) return;
    throw new DriverError('foreign', `the name ${name} belongs to a volume that DevForge did not create`);
  }

  async folder(name: string): Promise<string> {
    await this.faults.pass('volumes.folder');
    if (!this.present.has(name)) throw new DriverError('not_found', `inspect volume ${name}: no such volume`);
    return `/volumes/${name}`;
  }

  async remove(name: string): Promise<void> {
    await this.faults.pass('volumes.remove');
    if (this.usedBy().includes(name)) throw new DriverError('conflict', `remove volume ${name}: in use`);
    this.present.delete(name);
  }

  /** A volume that is there; one that exists keeps the labels it has. */
  add(name: string, labels: Record<string, string>): void {
    if (!this.present.has(name)) this.present.set(name, labels);
  }
}
