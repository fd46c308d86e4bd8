import { ContainerEngine } from '../docker/engine/container-engine.js';
import { FakeContainers } from './fake-containers.js';
import { FakeEngine } from './fake-engine.js';
import { FakeFaults } from './fake-faults.js';
import { FakeImages } from './fake-images.js';
import { FakeNetworks } from './fake-networks.js';
import { FakeVolumes } from './fake-volumes.js';

/**
 * A container engine in memory, for unit tests. The contract suite holds it to what Docker does.
 *
 * @example
 * const runtime = new FakeRuntime();
 * runtime.images.add('devforge/workspace-both:1');
 * runtime.containers.onExec = ({ argv }) => ({ exitCode: 0, stdout: argv.join(' ') });
 * runtime.faults.goAway();
 */
export class FakeRuntime extends ContainerEngine {
  readonly faults = new FakeFaults();
  readonly engine = new FakeEngine(this.faults);
  readonly images = new FakeImages(this.faults);
  readonly volumes = new FakeVolumes(this.faults);
  readonly networks = new FakeNetworks(this.faults);
  readonly containers = new FakeContainers(this);
}
