import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';

/** What waits here for a slow browser before the site is asked to wait, in bytes. */
const MOST_AHEAD = 256 * 1024;
/** Of one connection, or of the way a body is cut on it: each side has its own. */
const OF_ONE_CONNECTION = new Set([
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
const FOR_WHOM = new Set(['x-forwarded-for', 'x-forwarded-port', 'x-forwarded-proto', 'x-forwarded-host']);
const DOMAIN = /;\s*domain=[^;]*/i;

export interface Forwarded {
  over: Dispatcher;
  /** Path and query as the site sees them. */
  path: string;
  /** Hears of every piece of a body, in either direction. */
  relayed: (chunk: Buffer) => void;
}

/**
 * Hands a request on, and the answer back, piece by piece, at the pace of whoever is slower.
 *
 * @returns once the answer is given, or the browser has left
 * @throws Error when the site breaks off; what was begun of its answer breaks off as well
 */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { over, path, relayed }: Forwarded,
): Promise<void> {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  return new Promise((resolve, reject) => {
    const answer: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        const leave = (): void => {
          if (!response.writableFinished) controller.abort(new Error('the browser has left'));
        };
        if (response.destroyed) leave();
        else response.once('close', leave);
      },
      onBodySent: relayed,
      onResponseStart({ rawHeaders }, status, { 'content-type': type }, message) {
        if (status < 200) return;
        response.writeHead(status, message, handedBack(rawHeaders as Buffer[]));
        // Such a stream is open once its head has come, though nothing has happened yet.
        if (type === 'text/event-stream') response.flushHeaders();
      },
      onResponseData(controller, chunk) {
        relayed(chunk);
        if (response.write(chunk) || response.writableLength < MOST_AHEAD) return;
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
        headers: handedOn(request),
        body: hasBody ? request : null,
      },
      answer,
    );
  });
}

function handedOn({ headers, socket }: IncomingMessage): string[] {
  const handed = Object.entries(headers).flatMap(([name, value]) =>
    OF_ONE_CONNECTION.has(name) || FOR_WHOM.has(name) ? [] : [name, String(value)],
  );
  const [, port = '80'] = /:(\d+)$/.exec(headers.host ?? '') ?? [];
  const before = (name: string): string => (headers[name] === undefined ? '' : `${String(headers[name])},`);
  return handed.concat(
    ['x-forwarded-for', before('x-forwarded-for') + (socket.remoteAddress ?? '')],
    ['x-forwarded-port', before('x-forwarded-port') + port],
    ['x-forwarded-proto', `${before('x-forwarded-proto')}http`],
    ['x-forwarded-host', String(headers['x-forwarded-host'] ?? headers.host ?? '')],
  );
}

/** Byte for byte, but for a cookie's `Domain`, which would send it to the neighbours. */
function handedBack(raw: Buffer[]): string[] {
  const handed: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toString('latin1');
    const value = raw[at + 1]!.toString('latin1');
    const lower = name.toLowerCase();
    if (!OF_ONE_CONNECTION.has(lower)) handed.push(name, lower === 'set-cookie' ? value.replace(DOMAIN, '') : value);
  }
  return handed;
}
