import { DriverError } from '../driver-error.js';
import type { EgressRule } from '../workspace-egress.js';
import { packageRulesContainer } from './container-specs.js';
import type { EngineClient } from './engine/engine-client.js';
import { programsOf } from './images/programs-of.js';

const PROGRAM = ['-IS', '/usr/local/lib/devforge/tools/package_hosts.py'];
const OWN_PYTHON = '/opt/devforge/bin/python3';
const TIMEOUT_MS = 60_000;

/** Asks the package managers of an image, once, in a container without network, where they load from. */
export class PackageRules {
  private readonly known = new Map<string, Promise<EgressRule[]>>();

  constructor(private readonly engine: EngineClient) {}

  of(image: string): Promise<EgressRule[]> {
    const known = this.known.get(image);
    if (known !== undefined) return known;
    const reading = this.read(image);
    this.known.set(image, reading);
    reading.catch(() => this.known.delete(image));
    return reading;
  }

  private async read(image: string): Promise<EgressRule[]> {
    const python = (await programsOf(this.engine, image)) === undefined ? 'python3' : OWN_PYTHON;
    const { dockerId } = await this.engine.containers.create(packageRulesContainer(image));
    try {
      await this.engine.containers.start(dockerId);
      const { exitCode, stdout, stderr } = await this.engine.containers.exec(dockerId, {
        argv: [python, ...PROGRAM],
        timeoutMs: TIMEOUT_MS,
      });
      // Images that DevForge did not build have none of it.
      if (exitCode !== 0) throw new DriverError('failed', `package rules of ${image}: ${stderr.slice(-500)}`);
      return JSON.parse(stdout) as EgressRule[];
    } finally {
      await this.engine.containers.remove(dockerId);
    }
  }
}
