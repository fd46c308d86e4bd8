import type { Dispatcher } from 'undici';
import type { ResponseHead } from './response-parser.js';

const INVALID_IN_HEAD = /[\r\n\0]/;
const INVALID_IN_LINE = /[\s\0]/;

/** A request without a body. */
export interface PlainRequest {
  method: string;
  path: string;
  /** Names and values in turn. */
  headers: readonly string[];
}

/** A request without a body and its response, as undici's handlers see them. */
export class Exchange implements Dispatcher.DispatchController {
  aborted = false;
  paused = false;
  reason: Error | null = null;
  rawHeaders: string[] | null = null;
  /** Whether anything of the response has arrived. */
  hasBegun = false;
  /** Of the connection that carries it, while there is one. */
  connection: { destroy(): void; pause(): void; resume(): void } | null = null;
  private isOver = false;

  constructor(
    readonly request: PlainRequest,
    private readonly handler: Dispatcher.DispatchHandler,
  ) {}

  start(): void {
    this.handler.onRequestStart?.(this, null);
  }

  abort(reason: Error): void {
    if (this.isOver) return;
    this.aborted = true;
    this.reason = reason;
    this.fail(reason);
    this.connection?.destroy();
  }

  pause(): void {
    this.paused = true;
    this.connection?.pause();
  }

  resume(): void {
    this.paused = false;
    this.connection?.resume();
  }

  receiveHead({ status, message, headers, ...fields }: ResponseHead): void {
    if (this.isOver) return;
    this.rawHeaders = headers;
    this.handler.onResponseStart?.(
      this,
      status,
      {
        'content-type': fields.contentType,
        'content-encoding': fields.contentEncoding,
        'content-length': fields.contentLength === undefined ? undefined : String(fields.contentLength),
      },
      message,
    );
  }

  receiveData(chunk: Buffer): void {
    if (!this.isOver) this.handler.onResponseData?.(this, chunk);
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.handler.onResponseEnd?.(this, {});
  }

  fail(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.handler.onResponseError?.(this, error);
  }
}

/** @throws Error for what would not be one request */
export function requestHead({ method, path, headers }: PlainRequest): string {
  if (INVALID_IN_LINE.test(method) || INVALID_IN_LINE.test(path)) throw new Error('an invalid request line');
  let head = `${method} ${path} HTTP/1.1\r\n`;
  let hasHost = false;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    if (INVALID_IN_HEAD.test(value)) throw new Error('an invalid header of a request');
    hasHost ||= name === 'host';
    head += `${name}: ${value}\r\n`;
  }
  return `${head}${hasHost ? '' : 'host: 127.0.0.1\r\n'}connection: keep-alive\r\n\r\n`;
}
