import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import { AdminToken } from './admin-token.js';
import { ADMINISTRATOR, type Principal } from './principal.js';

const PUBLIC = 'devforge:public';

/** Exempts a route from authentication, such as those of probes. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC, true);

/** The principal that the guard attached to the request. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  return context.switchToHttp().getRequest<AuthenticatedRequest>().principal;
});

interface AuthenticatedRequest extends Request {
  principal: Principal;
}

const BEARER = /^Bearer +([^\s]+) *$/i;

/** Requires a bearer token on every HTTP route that is not {@link Public}. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly adminToken: AdminToken,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    // Sockets are authenticated in their handshake.
    if (context.getType() !== 'http') return true;
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined || !this.adminToken.matches(token)) {
      throw new DomainError('unauthorized', 'Send the token as "Authorization: Bearer <token>".');
    }
    request.principal = ADMINISTRATOR;
    return true;
  }
}
