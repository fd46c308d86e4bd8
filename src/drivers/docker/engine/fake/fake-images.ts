import { type BuildRequest, EngineImages } from '../engine-client.js';
import { DriverError } from '../../../driver-error.js';
import type { FakeFaults } from '../../../fake/fake-faults.js';
import type { FakeEngineCall } from './fake-calls.js';

/** Plays a build: writes its output, and answers whether it succeeded. */
export type FakeBuildHandler = (request: BuildRequest) => Promise<boolean> | boolean;

const KEPT_OUTPUT_LINES = 20;

export class FakeImages extends EngineImages {
  readonly builds: BuildRequest[] = [];
  /** References that a registry has. */
  readonly pullable = new Set<string>();
  /** By default every build succeeds without output. */
  onBuild: FakeBuildHandler = () => true;
  private readonly present = new Set<string>();

  constructor(private readonly faults: FakeFaults<FakeEngineCall>) {
    super();
  }

  async exists(reference: string): Promise<boolean> {
    await this.faults.pass('images.exists');
    return this.has(reference);
  }

  async pull(reference: string, signal?: AbortSignal): Promise<void> {
    await this.faults.pass('images.pull');
    if (signal?.aborted) throw new DriverError('aborted', `pull image ${reference}: aborted`);
    if (!this.pullable.has(reference))
      throw new DriverError('failed', `pull image ${reference}: the registry does not answer`);
    this.add(reference);
  }

  async build(request: BuildRequest): Promise<void> {
    await this.faults.pass('images.build');
    this.builds.push(request);
    const output: string[] = [];
    const onOutput = (line: string): void => {
      output.push(line);
      request.onOutput(line);
    };
    const succeeded = await Promise.race([this.onBuild({ ...request, onOutput }), rejectOnAbort(request)]);
    if (!succeeded)
      throw new DriverError('build_failed', `build image ${request.tag}: failed`, {
        output: output.slice(-KEPT_OUTPUT_LINES),
      });
    this.add(request.tag);
  }

  async remove(reference: string): Promise<void> {
    await this.faults.pass('images.remove');
    this.present.delete(reference);
  }

  /** An image that is there from the start. */
  add(reference: string): void {
    this.present.add(reference);
  }

  has(reference: string): boolean {
    return this.present.has(reference);
  }
}

function rejectOnAbort({ tag, signal }: BuildRequest): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new DriverError('aborted', `build image ${tag}: aborted`));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
}
