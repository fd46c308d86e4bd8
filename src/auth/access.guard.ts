import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { noteActor } from '../common/request-context.js';
import { expectSmallBody, trustRequest } from '../http/trusted-requests.js';
import { Authenticator, type Presented } from './authenticator.js';
import type { Permission } from './permissions.js';
import { asPrincipal } from './principal.js';
import { Revocation } from './revocation.js';
import { type AuthenticatedRequest, PERMISSION, PUBLIC, PUBLIC_BODY } from './requires.js';

const BEARER = /^Bearer +([^\s]+) *$/i;
const ANY_BEARER = /^Bearer\b/i;

/** Authenticates every HTTP request and asks for the permission of its route. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly revocation: Revocation,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    // Sockets are authenticated in their handshake, and their events where they arrive.
    if (context.getType() !== 'http') return true;
    const targets = [context.getHandler(), context.getClass()];
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC, targets)) {
      if (this.reflector.getAllAndOverride<boolean>(PUBLIC_BODY, targets)) expectSmallBody(request);
      return true;
    }
    const identity = await this.authenticator.authenticate(presentedBy(request));
    noteActor(identity);
    request.principal = asPrincipal(identity, this.reflector.getAllAndOverride<Permission>(PERMISSION, targets));
    trustRequest(request);
    // Also ends streams that are followed.
    if (request.res !== undefined) this.revocation.watchStream(identity, request.res);
    return true;
  }
}

/** A bearer token goes before a cookie, even one that is not valid. A proxy's own authentication does not. */
function presentedBy(request: AuthenticatedRequest): Presented {
  const authorization = request.headers.authorization ?? '';
  const token = BEARER.exec(authorization)?.[1];
  return { by: 'bearer', token, ...(ANY_BEARER.test(authorization) ? {} : { request }) };
}
