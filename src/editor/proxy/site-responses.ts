import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { waitingPage } from './waiting-page.js';

const NO_CACHE = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' };

/** Answers a request or an upgrade with an error. */
export function sendError(target: ServerResponse | Duplex, status: number, message: string): void {
  if ('writeHead' in target) {
    if (target.headersSent) return void target.destroy();
    target.writeHead(status, { ...NO_CACHE, 'Content-Type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
  } else if (!target.destroyed) {
    target.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
  }
}

export function redirect(response: ServerResponse, location: string, headers: Record<string, string> = {}): void {
  response.writeHead(302, { ...NO_CACHE, ...headers, Location: location }).end();
}

/** Answers 503: a browser's page request with a page that reloads itself, other requests with `Retry-After`. */
export function sendWaitingPage(
  request: IncomingMessage,
  target: ServerResponse | Duplex,
  title: string,
  text: string,
): void {
  const isPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  if (!isPage || !('writeHead' in target) || target.headersSent) {
    if ('writeHead' in target && !target.headersSent) target.setHeader('Retry-After', '1');
    return sendError(target, 503, text);
  }
  target
    .writeHead(503, { ...NO_CACHE, 'Retry-After': '1', 'Content-Type': 'text/html; charset=utf-8' })
    .end(waitingPage(title, text));
}
