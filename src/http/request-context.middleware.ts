import type { NextFunction, Request, Response } from 'express';
import { type RequestContext, runInContext } from '../common/request-context.js';

/** Middleware, before all others: does the work of each HTTP request in a context of its own. */
export function requestContexts(onError: NonNullable<RequestContext['onError']>) {
  return (request: Request, _: Response, next: NextFunction): void => {
    const context = {
      address: request.ip ?? null,
      // The logger's middleware, which comes later, decides on it.
      get requestId() {
        return typeof request.id === 'string' ? request.id : null;
      },
      onError,
    };
    runInContext(context, next);
  };
}
