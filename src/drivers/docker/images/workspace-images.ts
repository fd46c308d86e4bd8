import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { safeMessageOf } from '../../../common/errors/error-report.js';
import { JobFailure } from '../../../common/errors/job-failure.js';
import { Settings } from '../../../config/settings.js';
import { Locks } from '../../../persistence/locks.js';
import { EngineClient } from '../engine/engine-client.js';
import { DriverError } from '../../driver-error.js';
import type { ImageProgress } from '../../workspace-driver.js';
import { LABEL_MANAGED, LABEL_ROLE } from '../labels.js';
import { type BuildContext, BuildContextReader, type ImageTarget } from './build-context.js';
import { BuildProgress, isTransientFailure, isInformative } from './build-progress.js';

const TAG_DIGITS = 16;

type Listener = (progress: ImageProgress) => void;

interface RunningBuild {
  done: Promise<void>;
  listeners: Set<Listener>;
}

/**
 * Builds the images that workspaces run. The tag is a hash of all build inputs, so every change of an input leads to a
 * new image. Concurrent callers share one build.
 */
@Injectable()
export class WorkspaceImages implements OnModuleDestroy {
  private readonly running = new Map<string, RunningBuild>();
  private readonly stopped = new AbortController();
  private readonly buildContext: BuildContextReader;

  constructor(
    private readonly settings: Settings,
    private readonly engine: EngineClient,
    private readonly locks: Locks,
    @InjectPinoLogger(WorkspaceImages.name) private readonly logger: PinoLogger,
  ) {
    this.buildContext = new BuildContextReader(settings.extraCaCerts);
  }

  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /**
   * Builds the image of a template, or of the egress gateway, when the engine does not have it.
   * @returns the image's reference
   * @throws JobFailure `image_build_failed`, `base_image_unavailable` or `out_of_disk`, with the last lines of output
   */
  async ensure(target: ImageTarget, onProgress: Listener, signal: AbortSignal): Promise<string> {
    const context = await this.buildContext.read();
    const reference = this.referenceOf(target, context);
    if (await this.engine.images.exists(reference)) return reference;

    const build = this.running.get(reference) ?? this.start(reference, target, context);
    build.listeners.add(onProgress);
    try {
      await Promise.race([build.done, rejectWhenAborted(signal)]);
      return reference;
    } finally {
      build.listeners.delete(onProgress);
    }
  }

  private referenceOf(target: ImageTarget, context: BuildContext): string {
    const hash = createHash('sha256')
      .update(`${target}\0${this.settings.baseImage}\0${context.digest(target)}`)
      .digest('hex');
    const name = target === 'gateway' ? target : `workspace-${target}`;
    return `devforge/${name}:${hash.slice(0, TAG_DIGITS)}`;
  }

  private start(reference: string, target: ImageTarget, context: BuildContext): RunningBuild {
    const listeners = new Set<Listener>();
    const done = this.locks
      .withLock(`image:${reference}`, () => this.build(reference, target, context, listeners))
      .finally(() => this.running.delete(reference));
    // All callers may have gone before it fails.
    done.catch(() => undefined);
    const build = { done, listeners };
    this.running.set(reference, build);
    return build;
  }

  private async build(
    reference: string,
    target: ImageTarget,
    context: BuildContext,
    listeners: Set<Listener>,
  ): Promise<void> {
    // Another process may have built it while this one waited for the lock.
    if (await this.engine.images.exists(reference)) return;
    await this.ensureBaseImage();
    this.logger.info({ image: reference }, 'Building a workspace image');
    const progress = new BuildProgress();
    try {
      await this.engine.images.build({
        tag: reference,
        target,
        context: context.tar(),
        buildArgs: { BASE_IMAGE: this.settings.baseImage },
        labels: { [LABEL_MANAGED]: 'true', [LABEL_ROLE]: 'image' },
        onOutput: (line) => {
          progress.read(line);
          if (!isInformative(line)) return;
          for (const listener of listeners) listener({ percent: progress.percent, line });
        },
        signal: this.stopped.signal,
      });
    } catch (error) {
      throw toFailure(error);
    }
    this.logger.info({ image: reference }, 'Built a workspace image');
  }

  private async ensureBaseImage(): Promise<void> {
    const { baseImage } = this.settings;
    if (await this.engine.images.exists(baseImage)) return;
    try {
      await this.engine.images.pull(baseImage, this.stopped.signal);
    } catch (error) {
      if (error instanceof DriverError && ['unavailable', 'aborted', 'out_of_disk'].includes(error.code))
        throw toFailure(error);
      throw new JobFailure(
        'base_image_unavailable',
        `The base image ${baseImage} is not at the engine and cannot be pulled. Run "npm run setup", which makes it on this machine, or set BASE_IMAGE.`,
        { cause: error, output: [safeMessageOf(error)] },
      );
    }
  }
}

function toFailure(error: unknown): unknown {
  if (!(error instanceof DriverError)) return error;
  const output = error.details.output;
  if (error.code === 'build_failed') {
    return new JobFailure('image_build_failed', error.message, {
      cause: error,
      output,
      retryable: isTransientFailure(output ?? []),
    });
  }
  if (error.code === 'out_of_disk') return new JobFailure('out_of_disk', error.message, { cause: error, output });
  return error;
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new DriverError('aborted', 'wait for the workspace image: aborted'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
