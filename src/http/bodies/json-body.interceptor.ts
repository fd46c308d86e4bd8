import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Observable } from 'rxjs';
import { readJsonBody } from './json-body.js';

/** Reads JSON bodies: after the guards, so that strangers are refused unread, and before the parameters of the handler. */
@Injectable()
export class JsonBodyInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() === 'http') {
      const http = context.switchToHttp();
      await readJsonBody(http.getRequest<Request>(), http.getResponse<Response>());
    }
    return next.handle() as Observable<unknown>;
  }
}
