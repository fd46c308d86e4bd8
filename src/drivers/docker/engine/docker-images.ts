import type Dockerode from 'dockerode';
import { stripVTControlCharacters } from 'node:util';
import type { Readable } from 'node:stream';
import { type BuildRequest, EngineImages } from './engine-client.js';
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
    return engineCall(`inspect image ${reference}`, DEADLINE.read, async (abortSignal) => {
      try {
        await this.docker.getImage(reference).inspect({ abortSignal });
        return true;
      } catch (error) {
        if (statusOf(error) === NOT_FOUND) return false;
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
