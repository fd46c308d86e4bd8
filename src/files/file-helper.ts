import { DomainError } from '../common/errors/domain-error.js';
import type { Frame } from '../workspace/programs/frame-parser.js';
import type { FrameKinds, FramedProcess } from '../workspace/programs/framed-process.js';
import { type Refusal, toDomainError } from './refusal.js';

export const FILE_FRAMES: FrameKinds = { whole: 'JE', streamed: 'D' };

/** How long the helper may think in silence, as when it removes a large tree. */
const PATIENCE_MS = 600_000;
/** How long a body may stand still, whoever is to blame. */
const STALL_MS = 120_000;
const LARGEST_PIECE = 256 * 1024;

/** The helper ended without the answer it owed. */
export class HelperEnded extends Error {}

/** The program in a container that reads and writes its files, one request after the other. */
export class FileHelper {
  /** Whether it has answered anything since it was handed out. */
  hasAnswered = false;
  private isBetweenRequests = true;
  private readonly stalling = new AbortController();
  private watchdog: NodeJS.Timeout | undefined;

  constructor(readonly process: FramedProcess) {}

  /** Whether it can take a new request. */
  get isReady(): boolean {
    return this.isBetweenRequests && !this.process.isOver;
  }

  /** Aborts when nothing has moved for too long. */
  get stalled(): AbortSignal {
    return this.stalling.signal;
  }

  /**
   * Sends a document and waits for the one that answers it.
   * @throws DomainError what the helper refuses @throws HelperEnded
   */
  async ask<Answer>(document: object): Promise<Answer> {
    this.isBetweenRequests = false;
    await this.tell(document);
    try {
      return await this.answer<Answer>();
    } catch (error) {
      if (error instanceof DomainError) this.finish();
      throw error;
    }
  }

  /** Sends a document that a body answers, or nothing. */
  async tell(document: object): Promise<void> {
    await this.process.send('J', Buffer.from(JSON.stringify(document)));
  }

  /** The request has come to its end. */
  finish(): void {
    clearTimeout(this.watchdog);
    this.isBetweenRequests = true;
  }

  /** What the helper sends, up to its end. @throws DomainError when it cannot go on @throws HelperEnded */
  async *download(): AsyncGenerator<Buffer, void> {
    for (let frame = await this.next(STALL_MS); frame.kind !== 'E'; frame = await this.next(STALL_MS)) {
      if (frame.kind === 'J') throw toDomainError(parse<Refusal>(frame));
      yield frame.data;
    }
    this.finish();
  }

  /** Sends a body and waits for what becomes of it. Once that is known, the rest of the body is dropped. @throws as {@link ask} */
  async upload<Answer>(body: AsyncIterable<Buffer>): Promise<Answer> {
    let isSettled = false;
    const answer = this.answer<Answer>().finally(() => (isSettled = true));
    const sent = this.sendAll(body, () => isSettled);
    // A body that breaks off leaves nothing to wait for.
    await Promise.race([answer, sent]);
    await Promise.all([answer, sent]);
    this.finish();
    return answer;
  }

  close(): void {
    clearTimeout(this.watchdog);
    this.process.close();
  }

  private async sendAll(body: AsyncIterable<Buffer>, isSettled: () => boolean): Promise<void> {
    for await (const chunk of body) {
      for (let at = 0; at < chunk.length && !isSettled(); at += LARGEST_PIECE) {
        this.watch(STALL_MS);
        await this.process.send('D', chunk.subarray(at, at + LARGEST_PIECE));
      }
    }
    this.watch(PATIENCE_MS);
    if (!isSettled()) await this.process.send('E');
  }

  private async answer<Answer>(): Promise<Answer> {
    const { ok, ...rest } = parse<{ ok: boolean }>(await this.next(PATIENCE_MS));
    if (!ok) throw toDomainError(rest as unknown as Refusal);
    return rest as Answer;
  }

  private async next(patienceMs: number): Promise<Frame> {
    this.watch(patienceMs);
    const frame = await this.process.next();
    if (frame === null) throw new HelperEnded();
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

function parse<Document>({ data }: Frame): Document {
  return JSON.parse(data.toString('utf8')) as Document;
}
