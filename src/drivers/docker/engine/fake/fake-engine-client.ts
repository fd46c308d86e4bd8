import { EngineClient } from '../engine-client.js';
import { FakeContainers } from './fake-containers.js';
import { FakeSystem } from './fake-system.js';
import { FakeFaults } from '../../../fake/fake-faults.js';
import type { FakeEngineCall } from './fake-calls.js';
import { FakeImages } from './fake-images.js';
import { FakeNetworks } from './fake-networks.js';
import { FakeVolumes } from './fake-volumes.js';

/**
 * A container engine in memory, for unit tests of the Docker driver. The contract suite holds it to what Docker does.
 *
 * @example
 * const engine = new FakeEngineClient();
 * engine.images.add('devforge/workspace-both:1');
 * engine.containers.onExec = ({ argv }) => ({ exitCode: 0, stdout: argv.join(' ') });
 * engine.faults.goAway();
 */
export class FakeEngineClient extends EngineClient {
  readonly faults = new FakeFaults<FakeEngineCall>();
  readonly system = new FakeSystem(this.faults);
  readonly images = new FakeImages(this.faults);
  readonly volumes = new FakeVolumes(this.faults);
  readonly networks = new FakeNetworks(this.faults);
  readonly containers = new FakeContainers(this);
}
