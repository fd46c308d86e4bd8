import type { IncomingMessage } from 'node:http';

/** A property rather than an entry in a WeakSet, which every collection of young objects would have to look at. */
const TRUSTED = Symbol('trusted');
const SMALL_BODY = Symbol('small body');

type MarkedRequest = IncomingMessage & { [TRUSTED]?: true; [SMALL_BODY]?: true };

/** Marks a request as that of an authenticated client, who may take more time than a stranger. */
export function trustRequest(request: MarkedRequest): void {
  request[TRUSTED] = true;
}

export function isTrusted(request: MarkedRequest): boolean {
  return request[TRUSTED] === true;
}

/** Marks a request of a stranger to a route that takes a small body from anybody. */
export function expectSmallBody(request: MarkedRequest): void {
  request[SMALL_BODY] = true;
}

export function isSmallBodyExpected(request: MarkedRequest): boolean {
  return request[SMALL_BODY] === true;
}
