import { type CanActivate, type ExecutionContext, Injectable, Module } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { trustRequest } from '../http/trusted-requests.js';
import type { Permission } from './permissions.js';
import { asPrincipal } from './principal.js';
import { type AuthenticatedRequest, PERMISSION } from './requires.js';
import { Revocation } from './revocation.js';

/** Requires of the authenticated caller the permission that the route names. */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly revocation: Revocation,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const { identity, refusal } = request;
    if (identity === undefined) return true;
    if (refusal !== undefined) throw refusal;
    const targets = [context.getHandler(), context.getClass()];
    request.principal = asPrincipal(identity, this.reflector.getAllAndOverride<Permission>(PERMISSION, targets));
    trustRequest(request);
    // Also ends streams that are followed.
    if (request.res !== undefined) this.revocation.watchStream(request.principal, request.res);
    return true;
  }
}

/**
 * Has to be imported after the module that limits rates, so that requests that are refused count as well: guards are called
 * in the order of their modules.
 */
@Module({ providers: [{ provide: APP_GUARD, useClass: PermissionGuard }] })
export class PermissionsModule {}
