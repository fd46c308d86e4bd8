import { type ArgumentsHost, Catch, type ExceptionFilter, ServiceUnavailableException } from '@nestjs/common';
import type { Response } from 'express';

/** Answers a failed check in the format of Terminus, which monitors expect, rather than as problem+json. */
@Catch(ServiceUnavailableException)
export class HealthFilter implements ExceptionFilter {
  catch(unhealthy: ServiceUnavailableException, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().status(unhealthy.getStatus()).json(unhealthy.getResponse());
  }
}
