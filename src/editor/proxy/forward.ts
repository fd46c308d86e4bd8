import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';

/** Bytes that are buffered for a slow browser before reading from the site is paused. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** Headers of one connection or of the framing of its messages, which are never forwarded. */
const HOP_BY_HOP_HEADERS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
]);
const FORWARDED_HEADERS = new Set(['x-forwarded-for', 'x-forwarded-port', 'x-forwarded-proto', 'x-forwarded-host']);
const COOKIE_DOMAIN = /;\s*domain=[^;]*/i;

export interface ForwardOptions {
  dispatcher: Dispatcher;
  /** Path and query as the site sees them. */
  path: string;
  /** Called with every chunk of a body, in either direction. */
  onBody: (chunk: Buffer) => void;
}

/**
 * Forwards a request to a site and streams the response back, with backpressure in both directions.
 *
 * @returns once the response has been sent, or the browser has disconnected
 * @throws Error when the site disconnects; a response that has already begun is cut off
 */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { dispatcher: over, path, onBody: relayed }: ForwardOptions,
): Promise<void> {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  return new Promise((resolve, reject) => {
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        const abort = (): void => {
          if (!response.writableFinished) controller.abort(new Error('the browser has disconnected'));
        };
        if (response.destroyed) abort();
        else response.once('close', abort);
      },
      onBodySent: relayed,
      onResponseStart({ rawHeaders }, status, { 'content-type': type }, message) {
        if (status < 200) return;
        response.writeHead(status, message, responseHeaders(rawHeaders as Buffer[]));
        // A browser considers an event stream open when its headers arrive, possibly long before the first event.
        if (type === 'text/event-stream') response.flushHeaders();
      },
      onResponseData(controller, chunk) {
        relayed(chunk);
        if (response.write(chunk) || response.writableLength < MAX_BUFFERED_BYTES) return;
        controller.pause();
        response.once('drain', () => controller.resume());
      },
      onResponseEnd() {
        response.end();
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
        body: hasBody ? request : null,
      },
      handler,
    );
  });
}

function requestHeaders({ headers, socket }: IncomingMessage): string[] {
  const forwarded = Object.entries(headers).flatMap(([name, value]) =>
    HOP_BY_HOP_HEADERS.has(name) || FORWARDED_HEADERS.has(name) ? [] : [name, String(value)],
  );
  const [, port = '80'] = /:(\d+)$/.exec(headers.host ?? '') ?? [];
  const previous = (name: string): string => (headers[name] === undefined ? '' : `${String(headers[name])},`);
  return forwarded.concat(
    ['x-forwarded-for', previous('x-forwarded-for') + (socket.remoteAddress ?? '')],
    ['x-forwarded-port', previous('x-forwarded-port') + port],
    ['x-forwarded-proto', `${previous('x-forwarded-proto')}http`],
    ['x-forwarded-host', String(headers['x-forwarded-host'] ?? headers.host ?? '')],
  );
}

/** Unchanged except for the `Domain` of cookies, which would expose them to other sites. */
function responseHeaders(raw: Buffer[]): string[] {
  const forwarded: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toString('latin1');
    const value = raw[at + 1]!.toString('latin1');
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP_HEADERS.has(lower))
      forwarded.push(name, lower === 'set-cookie' ? value.replace(COOKIE_DOMAIN, '') : value);
  }
  return forwarded;
}
