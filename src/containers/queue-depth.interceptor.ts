import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import type { AuthenticatedRequest } from '../auth/requires.js';
import { QueueDepth } from './lifecycle/queue-depth.js';

/**
 * Tells a principal as long as very many of its containers are being made, rather than what else is wrong with its request.
 * Containers are counted when they are stored; here those alone that are refused for another reason.
 */
@Injectable()
export class QueueDepthInterceptor implements NestInterceptor {
  constructor(private readonly depth: QueueDepth) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    return next.handle().pipe(
      catchError(async (error: unknown) => {
        if (principal !== undefined) await this.depth.require(principal.id);
        throw error;
      }),
    );
  }
}
