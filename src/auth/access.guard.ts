import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { trustRequest } from '../http/trusted-requests.js';
import { Authenticator } from './authenticator.js';
import type { Permission } from './permissions.js';
import { asPrincipal } from './principal.js';
import { Revocation } from './revocation.js';
import { type AuthenticatedRequest, PERMISSION, PUBLIC } from './requires.js';

const BEARER = /^Bearer +([^\s]+) *$/i;

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
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC, targets)) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
    const identity = await this.authenticator.authenticate({ by: 'bearer', token });
    request.principal = asPrincipal(identity, this.reflector.getAllAndOverride<Permission>(PERMISSION, targets));
    trustRequest(request);
    // Also ends streams that are followed.
    if (request.res !== undefined) this.revocation.watchStream(identity, request.res);
    return true;
  }
}
