import type { PinoLogger } from 'nestjs-pino';
import { JobFailure } from '../../../common/errors/job-failure.js';
import type { Locks } from '../../../persistence/locks.js';
import { DriverError } from '../../driver-error.js';
import type { ImageProgress } from '../../workspace-driver.js';
import type { BuildRequest, EngineClient } from '../engine/engine-client.js';
import { LABEL_MANAGED, LABEL_ROLE } from '../labels.js';
import { BuildProgress, isInformative, isTransientFailure } from './build-progress.js';

export type ProgressListener = (progress: ImageProgress) => void;

/** How an image is made that the engine does not have. */
export interface ImageRecipe {
  /** Finds out what to build. Called once it is known that the image is missing. */
  plan(
    report: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Pick<BuildRequest, 'context'> & Partial<BuildRequest>>;
  /** The build ends when nobody waits for it any more; otherwise it goes on for those who still wait. */
  endsWithCallers?: boolean;
}

interface RunningBuild {
  done: Promise<void>;
  listeners: Set<ProgressListener>;
  abort: () => void;
}

/** Builds images whose tag is a hash of all that they are made of. Concurrent callers, and processes, share one build. */
export class ImageBuilds {
  private readonly running = new Map<string, RunningBuild>();
  private readonly stopped = new AbortController();

  constructor(
    private readonly engine: EngineClient,
    private readonly locks: Locks,
    private readonly logger: PinoLogger,
  ) {}

  /** Ends all builds. */
  stop(): void {
    this.stopped.abort();
  }

  /**
   * Builds an image when the engine does not have it.
   * @throws JobFailure `image_build_failed` or `out_of_disk`, with the last lines of output; what the recipe throws
   */
  async ensure(
    reference: string,
    recipe: ImageRecipe,
    onProgress: ProgressListener,
    signal: AbortSignal,
  ): Promise<void> {
    if (await this.engine.images.exists(reference)) return;
    const build = this.running.get(reference) ?? this.start(reference, recipe);
    const listener: ProgressListener = (progress) => onProgress(progress);
    build.listeners.add(listener);
    try {
      await Promise.race([build.done, rejectWhenAborted(signal)]);
    } finally {
      build.listeners.delete(listener);
      if (recipe.endsWithCallers === true && build.listeners.size === 0) build.abort();
    }
  }

  private start(reference: string, recipe: ImageRecipe): RunningBuild {
    const listeners = new Set<ProgressListener>();
    const ended = new AbortController();
    const forget = (): void => {
      if (this.running.get(reference) === build) this.running.delete(reference);
    };
    const signal = AbortSignal.any([this.stopped.signal, ended.signal]);
    const done = this.locks
      .withLock(`image:${reference}`, () => this.build(reference, recipe, listeners, signal))
      .finally(forget);
    // All callers may have gone before it fails.
    done.catch(() => undefined);
    const abort = (): void => {
      forget();
      ended.abort();
    };
    const build: RunningBuild = { done, listeners, abort };
    this.running.set(reference, build);
    return build;
  }

  private async build(
    reference: string,
    recipe: ImageRecipe,
    listeners: Set<ProgressListener>,
    signal: AbortSignal,
  ): Promise<void> {
    // Another process may have built it while this one waited for the lock.
    if (await this.engine.images.exists(reference)) return;
    const progress = new BuildProgress();
    const report = (line: string): void => {
      for (const listener of listeners) listener({ percent: progress.percent, line });
    };
    try {
      const plan = await recipe.plan(report, signal);
      this.logger.info({ image: reference }, 'Building an image');
      await this.engine.images.build({
        buildArgs: {},
        ...plan,
        tag: reference,
        labels: { ...plan.labels, [LABEL_MANAGED]: 'true', [LABEL_ROLE]: 'image' },
        onOutput: (line) => {
          progress.read(line);
          if (isInformative(line)) report(line);
        },
        signal,
      });
    } catch (error) {
      throw toBuildFailure(error);
    }
    this.logger.info({ image: reference }, 'Built an image');
  }
}

/** The message for the owner of a container whose build failed. */
function toBuildFailure(error: unknown): unknown {
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
