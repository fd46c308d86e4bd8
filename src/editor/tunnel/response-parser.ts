import { errors } from 'undici';
import { GrowingBuffer } from '../../common/bytes/growing-buffer.js';
import { InvalidResponseError } from './invalid-response-error.js';
import { isChunked, parseFields, type ResponseFields } from './response-fields.js';

export interface ResponseHead {
  status: number;
  message: string;
  /** Names and values in turn, as they were written. */
  headers: string[];
  /** As it was written; those of repeated headers are joined. */
  contentType: string | undefined;
  contentEncoding: string | undefined;
  /** Bytes of the body; undefined when they are not announced. */
  contentLength: number | undefined;
}

export interface ResponseEvents {
  onHead(head: ResponseHead): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
}

const HEAD_END = '\r\n\r\n';
const LINE_END = '\r\n';
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: ([^\0\r\n]*))?$/;
const BEGINNING = Buffer.from('HTTP/1.');
/** The first byte of an alert of TLS. */
const TLS_ALERT = 0x15;
const CHUNK_SIZE = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\0\r\n]*)?$/;
const KEEP_ALIVE_HINT = /(?:^|[,\s])timeout=(\d{1,6})/i;
const MAX_CHUNK_LINE_BYTES = 4_096;
/** The rest of the line that begins a chunk is an extension. */
const CHUNK_SIZE_BYTES = 16;
/** Responses that tell something before the real one. */
const MAX_EARLY_RESPONSES = 16;
const SWITCHING_PROTOCOLS = 101;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

type Part = 'head' | 'bytes' | 'chunk size' | 'chunk' | 'chunk end' | 'trailer' | 'rest' | 'over';

/** Parses one response of HTTP/1.x after another, as strictly as Node.js does. */
export class ResponseParser {
  private part: Part = 'over';
  private method = '';
  /** An incomplete head, or line of a chunked body. */
  private readonly partial = new GrowingBuffer();
  /** Bytes of the heads, chunk extensions and trailers of the response. */
  private headBytes = 0;
  private earlyResponses = 0;
  /** Of the body, or of its chunk. */
  private missing = 0;
  /** Whether the connection can be used again after the response. */
  isPersistent = false;
  /** For how many ms the other side keeps the connection, if it says that. */
  keepAliveMs: number | undefined;

  constructor(
    private readonly events: ResponseEvents,
    private readonly maxHeadBytes: number,
  ) {}

  /** Expects a response to a request with this method. */
  begin(method: string): void {
    this.method = method;
    this.part = 'head';
    this.headBytes = 0;
    this.earlyResponses = 0;
    this.keepAliveMs = undefined;
  }

  get isOver(): boolean {
    return this.part === 'over';
  }

  /** @throws InvalidResponseError, HeadersOverflowError of undici, and what the events throw */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.part !== 'over') {
      if (this.part === 'bytes' || this.part === 'chunk' || this.part === 'rest') at = this.pass(chunk, at);
      else if (this.part === 'head') at = this.readHead(chunk, at);
      else at = this.readLine(chunk, at);
    }
    if (at < chunk.length) throw new InvalidResponseError('data after the end of the response');
  }

  /** The connection has ended. @returns whether the response is complete */
  end(): boolean {
    if (this.part === 'rest') this.finish();
    return this.part === 'over';
  }

  private pass(chunk: Buffer, at: number): number {
    const end = this.part === 'rest' ? chunk.length : Math.min(chunk.length, at + this.missing);
    this.missing -= end - at;
    // Before the chunk is passed on, so that the listener may end the response with it.
    const isLast = this.part === 'bytes' && this.missing === 0;
    if (this.part === 'chunk' && this.missing === 0) this.part = 'chunk end';
    this.events.onData(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (isLast) this.finish();
    return end;
  }

  private readHead(chunk: Buffer, at: number): number {
    this.requireBeginning(chunk, at);
    return this.readUntil(HEAD_END, chunk, at, (text) => {
      this.countHeadBytes(text.length);
      this.parseHead(text);
    });
  }

  private readLine(chunk: Buffer, at: number): number {
    const isTrailer = this.part === 'trailer';
    const next = this.readUntil(LINE_END, chunk, at, (line) => {
      if (!isTrailer) requireShortLine(line.length);
      this.countHeadBytes(isTrailer ? line.length : Math.max(0, line.length - CHUNK_SIZE_BYTES));
      this.parseLine(line);
    });
    if (!isTrailer) requireShortLine(this.partial.length);
    return next;
  }

  /** Collects what comes before a delimiter. @returns where the rest of the chunk begins */
  private readUntil(delimiter: string, chunk: Buffer, at: number, parse: (text: string) => void): number {
    const { partial } = this;
    if (partial.length === 0) {
      const end = chunk.indexOf(delimiter, at, 'latin1');
      if (end >= 0) {
        parse(chunk.toString('latin1', at, end));
        return end + delimiter.length;
      }
    }
    // The delimiter may have begun in an earlier chunk.
    const from = Math.max(0, partial.length - delimiter.length + 1);
    const before = partial.length;
    partial.append(at === 0 ? chunk : chunk.subarray(at));
    const end = partial.indexOf(delimiter, from);
    if (end < 0) {
      if (this.headBytes + partial.length > this.maxHeadBytes) throw new errors.HeadersOverflowError();
      return chunk.length;
    }
    parse(partial.take().toString('latin1', 0, end));
    return at + end + delimiter.length - before;
  }

  private countHeadBytes(bytes: number): void {
    this.headBytes += bytes;
    if (this.headBytes > this.maxHeadBytes) throw new errors.HeadersOverflowError();
  }

  /** A program that speaks something else may wait for more, and is never answered. */
  private requireBeginning(chunk: Buffer, at: number): void {
    const before = this.partial.length;
    if (before >= BEGINNING.length) return;
    const length = Math.min(chunk.length - at, BEGINNING.length - before);
    if (chunk.compare(BEGINNING, before, before + length, at, at + length) !== 0)
      throw new InvalidResponseError('the response has no status line', before === 0 && chunk[at] === TLS_ALERT);
  }

  private parseLine(line: string): void {
    if (this.part === 'chunk end') {
      if (line !== '') throw new InvalidResponseError('a chunk is longer than its size');
      this.part = 'chunk size';
    } else if (this.part === 'chunk size') {
      const size = CHUNK_SIZE.exec(line)?.[1];
      if (size === undefined) throw new InvalidResponseError('a chunk has no size');
      this.missing = Number.parseInt(size, 16);
      this.part = this.missing === 0 ? 'trailer' : 'chunk';
    } else if (line === '') {
      this.finish();
    } else {
      parseFields([line]);
    }
  }

  private parseHead(text: string): void {
    const [first = '', ...lines] = text.split(LINE_END);
    const [, minor, code, message = ''] = STATUS_LINE.exec(first) ?? [];
    if (code === undefined) throw new InvalidResponseError('the response has no status line');
    const status = Number(code);
    const fields = parseFields(lines);
    if (status < 200) {
      if (status === SWITCHING_PROTOCOLS || status < 100) throw new InvalidResponseError(`unexpected status ${code}`);
      if (++this.earlyResponses > MAX_EARLY_RESPONSES) throw new InvalidResponseError('too many early responses');
      return;
    }
    const { connection = '', contentType, contentEncoding, contentLength } = fields;
    this.isPersistent = minor === '1' ? !/\bclose\b/i.test(connection) : /\bkeep-alive\b/i.test(connection);
    const hint = KEEP_ALIVE_HINT.exec(fields.keepAlive ?? '')?.[1];
    if (hint !== undefined) this.keepAliveMs = Number(hint) * 1_000;
    this.part = this.framing(status, minor!, fields);
    const hasBody = this.hasBody(status);
    this.events.onHead({
      status,
      message,
      headers: status === NO_CONTENT ? withoutLength(fields.headers) : fields.headers,
      contentType,
      contentEncoding,
      contentLength: hasBody ? contentLength : undefined,
    });
    if (this.part === 'bytes' && this.missing === 0) this.finish();
  }

  private framing(status: number, minor: string, { transferEncoding, contentLength }: ResponseFields): Part {
    this.missing = 0;
    const inChunks = transferEncoding !== undefined && isChunked(transferEncoding);
    if (!this.hasBody(status)) {
      // What is announced may follow nevertheless.
      if (status === NO_CONTENT && (transferEncoding ?? (contentLength || undefined)) !== undefined)
        this.isPersistent = false;
      return 'bytes';
    }
    if (transferEncoding !== undefined) {
      if (contentLength !== undefined) throw new InvalidResponseError('the response has two lengths');
      // HTTP/1.0 has no chunks, so that another reader may have seen another end.
      if (minor === '0') this.isPersistent = false;
      if (inChunks) return 'chunk size';
    } else if (contentLength !== undefined) {
      this.missing = contentLength;
      return 'bytes';
    }
    this.isPersistent = false;
    return 'rest';
  }

  private hasBody(status: number): boolean {
    return this.method !== 'HEAD' && status !== NO_CONTENT && status !== NOT_MODIFIED;
  }

  private finish(): void {
    this.part = 'over';
    this.events.onEnd();
  }
}

function requireShortLine(bytes: number): void {
  if (bytes > MAX_CHUNK_LINE_BYTES) throw new InvalidResponseError('a line of a chunked body is too long');
}

function withoutLength(headers: string[]): string[] {
  return headers.filter((_, at) => headers[at - (at % 2)]!.toLowerCase() !== 'content-length');
}
