import { errors } from 'undici';

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
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: ([^\0\r\n]*))?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Besides the line breaks at which a head is split. */
const INVALID_IN_HEAD = /[\r\n\0]/;
const SPACE = 0x20;
const TAB = 0x09;
const CHUNK_SIZE = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\0\r\n]*)?$/;
const LENGTH = /^\d{1,15}$/;
const KEEP_ALIVE_HINT = /(?:^|[,\s])timeout=(\d{1,6})/i;
const MAX_CHUNK_LINE_BYTES = 4_096;
const SWITCHING_PROTOCOLS = 101;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

type Part = 'head' | 'bytes' | 'chunk size' | 'chunk' | 'chunk end' | 'trailer' | 'rest' | 'over';

/** A response that is not HTTP/1.1, or ambiguous about where its body ends. */
export class InvalidResponseError extends Error {}

/** Parses one response of HTTP/1.x after another, as strictly as Node.js does. */
export class ResponseParser {
  private part: Part = 'over';
  private method = '';
  /** An incomplete head, or line of a chunked body. */
  private partial: Buffer | null = null;
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
    const { bytes, from } = this.joined(chunk, at);
    const end = bytes.indexOf(HEAD_END, from, 'latin1');
    if ((end < 0 ? bytes.length : end) - from > this.maxHeadBytes) throw new errors.HeadersOverflowError();
    if (end < 0) {
      this.partial = bytes.subarray(from);
      return chunk.length;
    }
    this.parseHead(bytes.toString('latin1', from, end));
    return chunk.length - (bytes.length - end - HEAD_END.length);
  }

  private readLine(chunk: Buffer, at: number): number {
    const { bytes, from } = this.joined(chunk, at);
    const end = bytes.indexOf('\r\n', from, 'latin1');
    if ((end < 0 ? bytes.length : end) - from > MAX_CHUNK_LINE_BYTES)
      throw new InvalidResponseError('a line of a chunked body is too long');
    if (end < 0) {
      this.partial = bytes.subarray(from);
      return chunk.length;
    }
    this.parseLine(bytes.toString('latin1', from, end));
    return chunk.length - (bytes.length - end - 2);
  }

  /** What came before of an incomplete head or line, and the chunk. */
  private joined(chunk: Buffer, at: number): { bytes: Buffer; from: number } {
    if (this.partial === null) return { bytes: chunk, from: at };
    const bytes = Buffer.concat([this.partial, chunk.subarray(at)]);
    this.partial = null;
    return { bytes, from: 0 };
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
    }
  }

  private parseHead(text: string): void {
    const [first = '', ...lines] = text.split('\r\n');
    const [, minor, code, message = ''] = STATUS_LINE.exec(first) ?? [];
    if (code === undefined) throw new InvalidResponseError('the response has no status line');
    const status = Number(code);
    if (lines.some((line) => INVALID_IN_HEAD.test(line)))
      throw new InvalidResponseError('a header of the response has a line break or a zero');
    const fields = parseFields(lines);
    if (status < 200) {
      if (status === SWITCHING_PROTOCOLS || status < 100) throw new InvalidResponseError(`unexpected status ${code}`);
      return;
    }
    const { connection = '' } = fields;
    this.isPersistent = minor === '1' ? !/\bclose\b/i.test(connection) : /\bkeep-alive\b/i.test(connection);
    const hint = KEEP_ALIVE_HINT.exec(fields.keepAlive ?? '')?.[1];
    if (hint !== undefined) this.keepAliveMs = Number(hint) * 1_000;
    this.part = this.framing(status, fields);
    this.events.onHead({
      status,
      message,
      headers: fields.headers,
      contentType: fields.contentType,
      contentEncoding: fields.contentEncoding,
      contentLength: fields.contentLength,
    });
    if (this.part === 'bytes' && this.missing === 0) this.finish();
  }

  private framing(status: number, { transferEncoding, contentLength }: Fields): Part {
    this.missing = 0;
    if (this.method === 'HEAD' || status === NO_CONTENT || status === NOT_MODIFIED) return 'bytes';
    if (transferEncoding !== undefined) {
      if (contentLength !== undefined) throw new InvalidResponseError('the response has two lengths');
      if (/(?:^|,)\s*chunked$/i.test(transferEncoding)) return 'chunk size';
    } else if (contentLength !== undefined) {
      this.missing = contentLength;
      return 'bytes';
    }
    this.isPersistent = false;
    return 'rest';
  }

  private finish(): void {
    this.part = 'over';
    this.events.onEnd();
  }
}

interface Fields {
  headers: string[];
  connection?: string;
  keepAlive?: string;
  transferEncoding?: string;
  contentType?: string;
  contentEncoding?: string;
  contentLength?: number;
}

type Field = 'connection' | 'keepAlive' | 'transferEncoding' | 'contentType' | 'contentEncoding';

const FIELDS: ReadonlyMap<string, Field> = new Map([
  ['connection', 'connection'],
  ['keep-alive', 'keepAlive'],
  ['transfer-encoding', 'transferEncoding'],
  ['content-type', 'contentType'],
  ['content-encoding', 'contentEncoding'],
]);

function parseFields(lines: string[]): Fields {
  const fields: Fields = { headers: [] };
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    if (!TOKEN.test(name)) throw new InvalidResponseError('a header of the response is malformed');
    const value = valueOf(line, colon + 1);
    fields.headers.push(name, value);
    const lower = name.toLowerCase();
    const field = FIELDS.get(lower);
    if (field !== undefined) fields[field] = fields[field] === undefined ? value : `${fields[field]}, ${value}`;
    else if (lower === 'content-length') fields.contentLength = lengthOf(value, fields.contentLength);
  }
  return fields;
}

/** Without the blanks around it; other characters that count as white space in Unicode may be parts of a character in UTF-8. */
function valueOf(line: string, at: number): string {
  let from = at;
  let to = line.length;
  while (from < to && isBlank(line.charCodeAt(from))) from++;
  while (to > from && isBlank(line.charCodeAt(to - 1))) to--;
  return line.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function lengthOf(value: string, earlier: number | undefined): number {
  const length = Number(value);
  if (!LENGTH.test(value) || (earlier ?? length) !== length)
    throw new InvalidResponseError('the length of the response is malformed');
  return length;
}
