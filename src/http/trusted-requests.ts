import type { IncomingMessage } from 'node:http';

const trusted = new WeakSet<IncomingMessage>();

/** Marks a request as that of an authenticated client, who may take more time than a stranger. */
export function trustRequest(request: IncomingMessage): void {
  trusted.add(request);
}

export function isTrusted(request: IncomingMessage): boolean {
  return trusted.has(request);
}
