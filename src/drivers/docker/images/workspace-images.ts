import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { safeMessageOf } from '../../../common/errors/error-report.js';
import { JobFailure } from '../../../common/errors/job-failure.js';
import { Settings } from '../../../config/settings.js';
import { Locks } from '../../../persistence/locks.js';
import { EngineClient } from '../engine/engine-client.js';
import { DriverError } from '../../driver-error.js';
import { type BuildContext, BuildContextReader, type ImageTarget } from './build-context.js';
import { ImageBuilds, type ProgressListener } from './image-builds.js';

const TAG_DIGITS = 16;

/**
 * Builds the images that workspaces run. The tag is a hash of all build inputs, so every change of an input leads to a
 * new image.
 */
@Injectable()
export class WorkspaceImages implements OnModuleDestroy {
  readonly builds: ImageBuilds;
  private readonly buildContext: BuildContextReader;

  constructor(
    private readonly settings: Settings,
    private readonly engine: EngineClient,
    locks: Locks,
    @InjectPinoLogger(WorkspaceImages.name) logger: PinoLogger,
  ) {
    this.buildContext = new BuildContextReader(settings.extraCaCerts);
    this.builds = new ImageBuilds(engine, locks, logger);
  }

  onModuleDestroy(): void {
    this.builds.stop();
  }

  /**
   * Builds the image of a template, or of the egress gateway, when the engine does not have it.
   * @returns the image's reference
   * @throws JobFailure `image_build_failed`, `base_image_unavailable` or `out_of_disk`, with the last lines of output
   */
  async ensure(target: ImageTarget, onProgress: ProgressListener, signal: AbortSignal): Promise<string> {
    const context = await this.buildContext.read();
    const reference = this.referenceOf(target, context);
    const recipe = {
      plan: async (_report: unknown, stopped: AbortSignal) => {
        await this.ensureBaseImage(stopped);
        return { target, context: context.tar(), buildArgs: { BASE_IMAGE: this.settings.baseImage } };
      },
    };
    await this.builds.ensure(reference, recipe, onProgress, signal);
    return reference;
  }

  private referenceOf(target: ImageTarget, context: BuildContext): string {
    const name = target === 'gateway' ? target : `workspace-${target}`;
    return taggedByHash(name, [target, this.settings.baseImage, context.digest(target)]);
  }

  private async ensureBaseImage(signal: AbortSignal): Promise<void> {
    const { baseImage } = this.settings;
    if (await this.engine.images.exists(baseImage)) return;
    try {
      await this.engine.images.pull(baseImage, signal);
    } catch (error) {
      if (error instanceof DriverError && ['unavailable', 'aborted', 'out_of_disk'].includes(error.code)) throw error;
      throw new JobFailure(
        'base_image_unavailable',
        `The base image ${baseImage} is not at the engine and cannot be pulled. Run "npm run setup", which makes it on this machine, or set BASE_IMAGE.`,
        { cause: error, output: [safeMessageOf(error)] },
      );
    }
  }
}

/** Name of an image of DevForge's own, with a hash of what it is made of. */
export function taggedByHash(name: string, inputs: readonly string[]): string {
  const hash = createHash('sha256').update(inputs.join('\0')).digest('hex');
  return `devforge/${name}:${hash.slice(0, TAG_DIGITS)}`;
}
