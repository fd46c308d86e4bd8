import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Page, renderPage } from '../../http/page.js';
import { type Waiting, waitingPage } from '../pages/waiting-page.js';

const NO_CACHE = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' };

export type ResponseTarget = ServerResponse | Duplex;

/** Whether a person's browser asks for a page, rather than a script for data. */
export function isPageRequest({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html');
}

/** Answers a request or an upgrade with an error. */
export function sendError(target: ResponseTarget, status: number, message: string): void {
  if ('writeHead' in target) {
    if (target.headersSent) return void target.destroy();
    target.writeHead(status, { ...NO_CACHE, 'Content-Type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
  } else if (!target.destroyed) {
    target.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
  }
}

export function sendPage(response: ServerResponse, status: number, page: Page): void {
  const { html, headers } = renderPage(page);
  response.writeHead(status, headers).end(html);
}

export function redirect(
  response: ServerResponse,
  location: string,
  { status = 302, headers = {} }: { status?: number; headers?: Record<string, string | string[]> } = {},
): void {
  response.writeHead(status, { ...NO_CACHE, ...headers, Location: location }).end();
}

/** Answers 503: a browser's page request with a page that reloads itself, other requests with `Retry-After`. */
export function sendWaitingPage(request: IncomingMessage, target: ResponseTarget, waiting: Waiting): void {
  if ('writeHead' in target && !target.headersSent) {
    target.setHeader('Retry-After', '1');
    if (isPageRequest(request)) return sendPage(target, 503, waitingPage(waiting));
  }
  sendError(target, 503, waiting.text);
}
