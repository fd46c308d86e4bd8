import type { Request } from 'express';

/** Aborts when the client hangs up before it was answered. */
export function clientSignal(request: Request): AbortSignal {
  const left = new AbortController();
  request.res?.once('close', () => left.abort());
  return left.signal;
}
