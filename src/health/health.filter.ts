import { type ArgumentsHost, Catch, type ExceptionFilter, ServiceUnavailableException } from '@nestjs/common';
import type { Response } from 'express';

/** A failed check answers in Terminus's form, which monitors read, and not as problem+json. */
@Catch(ServiceUnavailableException)
export class HealthFilter implements ExceptionFilter {
  catch(unhealthy: ServiceUnavailableException, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().status(unhealthy.getStatus()).json(unhealthy.getResponse());
  }
}
