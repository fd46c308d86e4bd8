import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { waitingPage } from './waiting-page.js';

const NEVER_CACHED = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' };

/** What goes back instead of the site itself, to a page's request or to an upgrade. */
export function refuse(target: ServerResponse | Duplex, status: number, message: string): void {
  if ('writeHead' in target) {
    if (target.headersSent) return void target.destroy();
    target.writeHead(status, { ...NEVER_CACHED, 'Content-Type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
  } else if (!target.destroyed) {
    target.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
  }
}

export function redirect(response: ServerResponse, location: string, headers: Record<string, string> = {}): void {
  response.writeHead(302, { ...NEVER_CACHED, ...headers, Location: location }).end();
}

/** A browser that opens a page waits on one that goes on by itself; everybody else is told to come again. */
export function keepWaiting(
  request: IncomingMessage,
  target: ServerResponse | Duplex,
  title: string,
  text: string,
): void {
  const isPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  if (!isPage || !('writeHead' in target) || target.headersSent) {
    if ('writeHead' in target && !target.headersSent) target.setHeader('Retry-After', '1');
    return refuse(target, 503, text);
  }
  target
    .writeHead(503, { ...NEVER_CACHED, 'Retry-After': '1', 'Content-Type': 'text/html; charset=utf-8' })
    .end(waitingPage(title, text));
}
