import type Dockerode from 'dockerode';
import { stripVTControlCharacters } from 'node:util';
import type { Readable } from 'node:stream';
import { type BuildRequest, type ContainerLimits, EngineImages, type InspectedImage } from './engine-client.js';
import { DriverError } from '../../driver-error.js';
import { DEADLINE, engineCall, observed, statusOf, toDriverError } from './engine-call.js';
import { linesOf } from './logs/stream-lines.js';

const KEPT_OUTPUT_LINES = 20;
const NOT_FOUND = 404;

interface ProgressRecord {
  stream?: string;
  status?: string;
  error?: string;
}

export class DockerImages extends EngineImages {
  constructor(private readonly docker: Dockerode) {
    super();
  }

  async exists(reference: string): Promise<boolean> {
    return (await this.inspect(reference)) !== null;
  }

  async inspect(reference: string): Promise<InspectedImage | null> {
    return engineCall(`inspect image ${reference}`, DEADLINE.read, async (abortSignal) => {
      try {
        return toInspected(await this.docker.getImage(reference).inspect({ abortSignal }));
      } catch (error) {
        if (statusOf(error) === NOT_FOUND) return null;
        throw error;
      }
    });
  }

  async pull(reference: string, signal?: AbortSignal): Promise<void> {
    await engineCall(
      `pull image ${reference}`,
      DEADLINE.pull,
      async (abortSignal) => {
        const stream = (await this.docker.pull(reference, { abortSignal })) as Readable;
        await followProgress(`pull image ${reference}`, stream, () => undefined);
      },
      signal,
    );
  }

  build(request: BuildRequest): Promise<void> {
    const what = `build image ${request.tag}` as const;
    return observed(what, () => this.runBuild(what, request));
  }

  async remove(reference: string): Promise<void> {
    await engineCall(`remove image ${reference}`, DEADLINE.write, async (abortSignal) => {
      try {
        await this.docker.getImage(reference).remove({ abortSignal });
      } catch (error) {
        if (statusOf(error) !== NOT_FOUND) throw error;
      }
    });
  }

  private async runBuild(what: string, request: BuildRequest): Promise<void> {
    const silence = new AbortController();
    const signal = request.signal === undefined ? silence.signal : AbortSignal.any([silence.signal, request.signal]);
    let timer = setTimeout(() => silence.abort(), DEADLINE.silentBuild);
    try {
      const stream = await this.docker.buildImage(request.context as NodeJS.ReadableStream, {
        t: request.tag,
        target: request.target,
        buildargs: request.buildArgs,
        labels: request.labels,
        rm: true,
        forcerm: true,
        ...(request.limits === undefined ? {} : limitsOf(request.limits)),
        abortSignal: signal,
      });
      await followProgress(what, stream as Readable, (line) => {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), DEADLINE.silentBuild);
        request.onOutput(line);
      });
    } catch (error) {
      if (request.signal?.aborted) throw new DriverError('aborted', `${what}: aborted`, { cause: error });
      if (silence.signal.aborted)
        throw new DriverError('unavailable', `${what}: the engine sent no output for too long`, { cause: error });
      throw toDriverError(what, error);
    } finally {
      clearTimeout(timer);
    }
  }
}

const MIB = 1024 * 1024;
const CPU_PERIOD_US = 100_000;

function limitsOf({ cpuLimit, memoryLimit }: ContainerLimits): Dockerode.ImageBuildOptions {
  const memory = memoryLimit * MIB;
  return { memory, memswap: memory, cpuperiod: CPU_PERIOD_US, cpuquota: Math.round(cpuLimit * CPU_PERIOD_US) };
}

/** Engines leave out what an image does not have, or say null. */
function toInspected({ Id, Os, Architecture, Config }: Dockerode.ImageInspectInfo): InspectedImage {
  const config = Config as Partial<Dockerode.ImageInspectInfo['Config']> | null;
  return {
    id: Id,
    os: Os,
    architecture: Architecture,
    labels: config?.Labels ?? {},
    env: Object.fromEntries(
      (config?.Env ?? []).map((entry) => {
        const at = entry.indexOf('=');
        return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
      }),
    ),
    volumes: Object.keys(config?.Volumes ?? {}),
    hasTriggers: ((config?.OnBuild as string[] | null | undefined) ?? []).length > 0,
  };
}

/** Reads the engine's stream of JSON records to its end; an `error` record means that the operation failed. */
async function followProgress(what: string, stream: Readable, onLine: (line: string) => void): Promise<void> {
  const output: string[] = [];
  let failure: string | undefined;
  for await (const text of linesOf(stream)) {
    if (text.trim() === '') continue;
    const record = JSON.parse(text) as ProgressRecord;
    failure ??= record.error;
    for (const coloured of (record.stream ?? record.error ?? '').split(/\r?\n/)) {
      const line = stripVTControlCharacters(coloured);
      if (line.trim() === '') continue;
      output.push(line);
      if (output.length > KEPT_OUTPUT_LINES) output.shift();
      onLine(line);
    }
  }
  if (failure === undefined) return;
  if (/no space left on device/i.test(output.join('\n')))
    throw new DriverError('out_of_disk', `${what}: ${failure}`, { output });
  throw new DriverError('build_failed', `${what}: ${failure}`, { output });
}
