import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { TunnelPool } from '../tunnel/tunnel-clients.js';
import { requestHeaders, responseHeaders } from './forwarded-headers.js';
import { insertIntoHead, PageBuffer } from './html-insertion.js';

/** Bytes that are buffered for a slow browser before reading from the site is paused. */
const MAX_BUFFERED_BYTES = 256 * 1024;
const BAD_REQUEST = 400;

/** The site refuses the request itself, as servers with TLS do when one arrives without. The browser got nothing of it. */
export class UnexpectedProtocolError extends Error {}

export interface ForwardOptions {
  dispatcher: Pick<TunnelPool, 'dispatch'>;
  /** Path and query as the site sees them. */
  path: string;
  /** Called with every chunk of a body, in either direction. */
  onBody: (chunk: Buffer) => void;
  /** Changes the headers of the response: names and values in turn. */
  changeHeaders?: (headers: string[]) => string[];
  /** HTML that is inserted into the head of the page, if the response is one. */
  insertion?: string | undefined;
  /** Whether a 400 is reported as {@link UnexpectedProtocolError} rather than passed on. */
  expectsTls?: boolean;
}

/**
 * Forwards a request to a site and streams the response back, with backpressure in both directions.
 *
 * @returns once the response has been sent, or the browser has disconnected
 * @throws Error when the site disconnects; a response that has already begun is cut off
 */
export function forward(request: IncomingMessage, response: ServerResponse, options: ForwardOptions): Promise<void> {
  const { dispatcher: over, path, onBody: relayed, changeHeaders, insertion, expectsTls = false } = options;
  if (insertion !== undefined) acceptPlainPage(request);
  return new Promise((resolve, reject) => {
    let page: PageBuffer | null = null;
    /** Bytes of the body that are still to come, where that is known. */
    let missing = NaN;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        const abort = (): void => {
          if (!response.writableFinished) controller.abort(new Error('the browser has disconnected'));
        };
        if (response.destroyed) abort();
        else response.once('close', abort);
      },
      onBodySent: relayed,
      onResponseStart(controller, status, fields, message) {
        if (status < 200) return;
        if (expectsTls && status === BAD_REQUEST) {
          const error = new UnexpectedProtocolError();
          reject(error);
          return controller.abort(error);
        }
        const { 'content-type': type, 'content-encoding': encoding } = fields;
        missing = Number(fields['content-length'] ?? NaN);
        const headers = responseHeaders(controller.rawHeaders as (Buffer | string)[]);
        const isPage = insertion !== undefined && status === 200 && isHtml(type) && encoding === undefined;
        if (isPage) page = new PageBuffer();
        const changed = changeHeaders === undefined ? headers : changeHeaders(headers);
        response.writeHead(status, message, isPage ? withoutLength(changed) : changed);
        // A browser considers an event stream open when its headers arrive, possibly long before the first event.
        if (type === 'text/event-stream') response.flushHeaders();
      },
      onResponseData(controller, chunk) {
        relayed(chunk);
        missing -= chunk.length;
        if (page !== null && page.add(chunk)) return;
        const bytes = page === null ? chunk : page.take();
        page = null;
        // One write less than with an end of its own.
        if (missing === 0) return void response.end(bytes);
        if (response.write(bytes) || response.writableLength < MAX_BUFFERED_BYTES) return;
        controller.pause();
        response.once('drain', () => controller.resume());
      },
      onResponseEnd() {
        if (page !== null) response.end(insertIntoHead(page.take(), insertion!));
        else if (!response.writableEnded) response.end();
        resolve();
      },
      onResponseError(_, error) {
        if (response.destroyed) return resolve();
        if (response.headersSent) response.destroy();
        reject(error);
      },
    };
    over.dispatch(
      {
        path,
        method: request.method as Dispatcher.HttpMethod,
        headers: requestHeaders(request),
        body: hasBody(request) ? request : null,
      },
      handler,
    );
  });
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** A compressed page cannot be changed, and one that the browser has kept was changed already. */
function acceptPlainPage({ headers }: IncomingMessage): void {
  for (const name of ['accept-encoding', 'if-none-match', 'if-modified-since']) delete headers[name];
}

function isHtml(type: string | string[] | undefined): boolean {
  return typeof type === 'string' && /^text\/html\b/i.test(type);
}

function withoutLength(headers: string[]): string[] {
  return headers.filter((_, at) => {
    const name = headers[at - (at % 2)]!.toLowerCase();
    return name !== 'content-length' && name !== 'etag';
  });
}
