import type { IncomingMessage, ServerResponse } from 'node:http';

const PREFLIGHT_SECONDS = 600;
const OVERRIDDEN = new Set(['access-control-allow-origin', 'access-control-allow-credentials']);

/** Whether a browser asks if a page may send a request. It sends no cookie with the question. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/** Allows what the page wants to send. The request itself still needs the cookie. */
export function answerPreflight({ headers }: IncomingMessage, response: ServerResponse): void {
  const { 'access-control-request-method': method, 'access-control-request-headers': names } = headers;
  response
    .writeHead(204, {
      'Access-Control-Allow-Origin': headers.origin!,
      'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Allow-Methods': method!,
      ...(names === undefined ? {} : { 'Access-Control-Allow-Headers': names }),
      'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
      Vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    })
    .end();
}

/** Lets a page of the container read the response, be it the site's or one of DevForge's own. */
export function allowReading(response: ServerResponse, origin: string): void {
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Allow-Credentials', 'true');
  response.setHeader('Vary', 'Origin');
}

/** The headers of a site's response without what {@link allowReading} has decided, which may name `localhost` alone. */
export function withoutCorsDecision(headers: string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (!OVERRIDDEN.has(name.toLowerCase())) kept.push(name, headers[at + 1]!);
  }
  return [...kept, 'Vary', 'Origin'];
}
