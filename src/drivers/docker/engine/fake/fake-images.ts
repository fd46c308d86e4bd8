import { createHash } from 'node:crypto';
import { type BuildRequest, EngineImages, type InspectedImage } from '../engine-client.js';
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
  private readonly present = new Map<string, InspectedImage>();

  constructor(private readonly faults: FakeFaults<FakeEngineCall>) {
    super();
  }

  async exists(reference: string): Promise<boolean> {
    await this.faults.pass('images.exists');
    return this.has(reference);
  }

  async inspect(reference: string): Promise<InspectedImage | null> {
    await this.faults.pass('images.inspect');
    return this.find(reference) ?? null;
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
    this.add(request.tag, { labels: request.labels });
  }

  async remove(reference: string): Promise<void> {
    await this.faults.pass('images.remove');
    this.present.delete(reference);
  }

  /** An image that is there from the start. */
  add(reference: string, details: Partial<InspectedImage> = {}): void {
    this.present.set(reference, {
      id: `sha256:${createHash('sha256').update(reference).digest('hex')}`,
      os: 'linux',
      architecture: 'amd64',
      labels: {},
      env: {},
      volumes: [],
      hasTriggers: false,
      ...details,
    });
  }

  has(reference: string): boolean {
    return this.find(reference) !== undefined;
  }

  /** By its name or its id. */
  private find(reference: string): InspectedImage | undefined {
    return this.present.get(reference) ?? [...this.present.values()].find(({ id }) => id === reference);
  }
}

function rejectOnAbort({ tag, signal }: BuildRequest): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new DriverError('aborted', `build image ${tag}: aborted`));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
}
