import { DomainError } from '../common/errors/domain-error.js';
import type { Frame } from '../workspace/programs/frame-parser.js';
import type { FrameKinds, FramedProgram } from '../workspace/programs/framed-program.js';
import { type FileRefusal, toDomainError } from './refusal.js';

/** The version of `devforge-files` that knows conditions. */
export const CONDITIONS_VERSION = 3;

export const FILE_FRAMES: FrameKinds = { whole: 'JE', streamed: 'D', maxWholeBytes: 64 * 1024 };

/** How long the helper may take to answer, as when it removes a large tree. */
const ANSWER_TIMEOUT_MS = 600_000;
/** How long a transfer may make no progress, on either side. */
const STALL_MS = 120_000;
const MAX_PIECE_BYTES = 256 * 1024;

/** The helper ended before it answered. */
export class HelperEndedError extends Error {}

/** `devforge-files` in a container: reads and writes its files, one request after the other. */
export class FileHelper {
  /** Whether it has answered anything in the current use. */
  hasAnswered = false;
  private isBetweenRequests = true;
  private readonly stalling = new AbortController();
  private watchdog: NodeJS.Timeout | undefined;

  constructor(readonly program: FramedProgram) {}

  /** Whether it can take a new request. */
  get isReady(): boolean {
    return this.isBetweenRequests && !this.program.isOver;
  }

  /** Aborts when a transfer or an answer took too long. */
  get stalled(): AbortSignal {
    return this.stalling.signal;
  }

  /**
   * Sends a document and waits for the one that answers it.
   * @throws DomainError when the helper refuses @throws HelperEndedError
   */
  async ask<Answer>(document: object): Promise<Answer> {
    this.isBetweenRequests = false;
    await this.send(document);
    try {
      return await this.answer<Answer>();
    } catch (error) {
      if (error instanceof DomainError) this.finish();
      throw error;
    }
  }

  /** Sends a document that is answered by a body, or not at all. */
  async send(document: object): Promise<void> {
    await this.program.send('J', Buffer.from(JSON.stringify(document)));
  }

  /** Marks the request as complete. */
  finish(): void {
    clearTimeout(this.watchdog);
    this.isBetweenRequests = true;
  }

  /** The body that the helper sends. @throws DomainError when it fails midway @throws HelperEndedError */
  async *download(): AsyncGenerator<Buffer, void> {
    for (let frame = await this.next(STALL_MS); frame.kind !== 'E'; frame = await this.next(STALL_MS)) {
      if (frame.kind === 'J') throw toDomainError(parse<FileRefusal>(frame));
      yield frame.data;
    }
    this.finish();
  }

  /** Sends a body and waits for the result. An early result drops the rest of the body. @throws as {@link ask} */
  async upload<Answer>(body: AsyncIterable<Buffer>): Promise<Answer> {
    let isSettled = false;
    const answer = this.answer<Answer>().finally(() => (isSettled = true));
    const sent = this.sendAll(body, () => isSettled);
    // When the client's body fails, no answer comes.
    await Promise.race([answer, sent]);
    await Promise.all([answer, sent]);
    this.finish();
    return answer;
  }

  close(): void {
    clearTimeout(this.watchdog);
    this.program.close();
  }

  private async sendAll(body: AsyncIterable<Buffer>, isSettled: () => boolean): Promise<void> {
    for await (const chunk of body) {
      for (let at = 0; at < chunk.length && !isSettled(); at += MAX_PIECE_BYTES) {
        this.watch(STALL_MS);
        await this.program.send('D', chunk.subarray(at, at + MAX_PIECE_BYTES));
      }
    }
    this.watch(ANSWER_TIMEOUT_MS);
    if (!isSettled()) await this.program.send('E');
  }

  private async answer<Answer>(): Promise<Answer> {
    const { ok, ...rest } = parse<{ ok: boolean }>(await this.next(ANSWER_TIMEOUT_MS));
    if (!ok) throw toDomainError(rest as unknown as FileRefusal);
    return rest as Answer;
  }

  private async next(timeoutMs: number): Promise<Frame> {
    this.watch(timeoutMs);
    const frame = await this.program.next();
    if (frame === null) throw new HelperEndedError();
    this.hasAnswered = true;
    return frame;
  }

  private watch(ms: number): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.stall(), ms).unref();
  }

  private stall(): void {
    this.stalling.abort();
    this.close();
  }
}

/** @throws DomainError `workspace_tool_failed` for anything but a JSON object */
function parse<Document>({ data }: Frame): Document {
  let document: unknown;
  try {
    document = JSON.parse(data.toString('utf8'));
  } catch {
    // Reported below.
  }
  if (typeof document !== 'object' || document === null)
    throw new DomainError('workspace_tool_failed', 'devforge-files in the container sent an answer that is not valid.');
  return document as Document;
}
