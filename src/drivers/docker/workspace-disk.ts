import type { Clock } from '../../common/time/clock.js';
import { DriverError, type DriverErrorCode } from '../driver-error.js';
import type { EngineClient, MountedVolume } from './engine/engine-client.js';

const WALK_TIMEOUT_MS = 60_000;
/** How long a measurement of all volumes serves for all workspaces: it walks through every file of the engine. */
const REUSE_MS = 15_000;
/** A program in the image that the workspace's user can run but neither read, trace nor redirect. */
const UNREADABLE_DU = '/usr/local/lib/devforge/du';
const DU = '/usr/bin/du';
/** Exit codes for a program that cannot be started. */
const CANNOT_START = [126, 127];
/** These say nothing about whether the walk inside would succeed. */
const FATAL: readonly DriverErrorCode[] = ['unavailable', 'aborted', 'not_found'];

/** Measures the disk space that workspaces take. */
export class WorkspaceDisk {
  private measured: { at: number; sizes: Promise<Map<string, number>> } | undefined;

  constructor(
    private readonly engine: EngineClient,
    private readonly clock: Clock,
  ) {}

  /**
   * The writable layer, and every volume that the workspace can write to. A walk through the files inside is preferred,
   * since it counts the blocks of sparse files. What it cannot read, or a workspace that does not let it finish, is
   * measured by the engine, which permissions do not stop.
   */
  async bytes(dockerId: string, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const { writableLayerBytes, volumes } = await this.engine.containers.diskFootprint(dockerId);
    const own = volumes.filter(({ readOnly }) => !readOnly);
    if (own.length === 0) return writableLayerBytes;
    return writableLayerBytes + ((await this.walk(dockerId, own, signal)) ?? (await this.sizeOf(own)));
  }

  /** @returns undefined when not every file could be counted */
  private async walk(dockerId: string, volumes: MountedVolume[], signal?: AbortSignal): Promise<number | undefined> {
    const args = ['-s', '--block-size=1', ...volumes.map(({ target }) => target)];
    const run = (program: string): ReturnType<EngineClient['containers']['exec']> =>
      this.engine.containers.exec(dockerId, { argv: [program, ...args], timeoutMs: WALK_TIMEOUT_MS, signal });
    try {
      let walked = await run(UNREADABLE_DU);
      // Images of release 0.1.0 do not have it.
      if (CANNOT_START.includes(walked.exitCode)) walked = await run(DU);
      const sizes = walked.stdout.match(/^\d+(?=\t)/gm) ?? [];
      const isComplete = walked.exitCode === 0 || onlyVanished(walked.stderr);
      return isComplete && sizes.length === volumes.length
        ? sizes.reduce((sum, size) => sum + Number(size), 0)
        : undefined;
    } catch (error) {
      if (!(error instanceof DriverError) || FATAL.includes(error.code)) throw error;
      return undefined;
    }
  }

  private async sizeOf(volumes: MountedVolume[]): Promise<number> {
    const sizes = await this.allSizes();
    return volumes.reduce((sum, { name }) => {
      const size = sizes.get(name);
      if (size === undefined) throw new DriverError('failed', `measure volumes: the size of ${name} is not known`);
      return sum + size;
    }, 0);
  }

  private allSizes(): Promise<Map<string, number>> {
    const now = this.clock.now().getTime();
    if (this.measured === undefined || now - this.measured.at > REUSE_MS) {
      const measured = { at: now, sizes: this.engine.system.volumeBytes() };
      this.measured = measured;
      measured.sizes.then(
        () => (measured.at = this.clock.now().getTime()),
        () => {
          if (this.measured === measured) this.measured = undefined;
        },
      );
    }
    return this.measured.sizes;
  }
}

/** Files that are removed during the walk are missing from it for good reason. */
function onlyVanished(stderr: string): boolean {
  const lines = stderr.trim().split('\n');
  return lines.every((line) => line.endsWith(': No such file or directory'));
}
