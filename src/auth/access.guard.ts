import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { noteActor, noteRequest } from '../common/request-context.js';
import { expectSmallBody } from '../http/trusted-requests.js';
import { targetOfRequest } from './audit/request-target.js';
import { Authenticator, type Presented } from './authenticator.js';
import type { Permission } from './permissions.js';
import { soleProjectOf } from './principal.js';
import { type AuthenticatedRequest, PERMISSION, PUBLIC, PUBLIC_BODY } from './requires.js';
import { CsrfTokenError } from './sessions/csrf-token.js';

const BEARER = /^Bearer +([^\s]+) *$/i;
const ANY_BEARER = /^Bearer\b/i;

/** Authenticates every HTTP request. Limits and permissions are asked for afterwards. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
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
    const permission = this.reflector.getAllAndOverride<Permission>(PERMISSION, targets);
    noteRequest({ permission, target: () => targetOfRequest(request) });
    try {
      request.identity = await this.authenticator.authenticate(presentedBy(request));
    } catch (error) {
      if (!(error instanceof CsrfTokenError)) throw error;
      // It counts among the requests of the one whose session it is.
      request.identity = error.identity;
      request.refusal = error;
    }
    noteActor(request.identity);
    noteRequest({ projectId: soleProjectOf(request.identity) });
    return true;
  }
}

/** A bearer token goes before a cookie, even one that is not valid. A proxy's own authentication does not. */
function presentedBy(request: AuthenticatedRequest): Presented {
  const authorization = request.headers.authorization ?? '';
  const token = BEARER.exec(authorization)?.[1];
  return { by: 'bearer', token, ...(ANY_BEARER.test(authorization) ? {} : { request }) };
}
