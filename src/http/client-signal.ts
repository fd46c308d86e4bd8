import type { Request } from 'express';

/** Aborts when the client closes the connection before it has the whole answer, at once when it did so already. */
export function clientSignal(request: Request): AbortSignal {
  const closed = new AbortController();
  request.res?.once('close', () => closed.abort());
  if (request.res?.destroyed) closed.abort();
  return closed.signal;
}
