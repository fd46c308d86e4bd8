import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Request } from 'express';
import type { Permission } from './permissions.js';
import type { Identity, Principal } from './principal.js';

/** Keys of the metadata that {@link Requires}, {@link Public} and {@link PublicBody} leave on a route. */
export const PERMISSION = 'devforge:permission';
export const PUBLIC = 'devforge:public';
export const PUBLIC_BODY = 'devforge:public-body';

export interface AuthenticatedRequest extends Request {
  /** Who has sent it; undefined on public routes. */
  identity?: Identity;
  /** Why the identity may not do anything with it. */
  refusal?: Error;
  /** The identity, once it has the permission of the route. */
  principal?: Principal;
}

/** Names the permission that a route needs, and shows it in the OpenAPI description. */
export const Requires = (permission: Permission): MethodDecorator =>
  applyDecorators(SetMetadata(PERMISSION, permission), ApiExtension('x-permission', permission));

/** Exempts a route from authentication, such as those of probes. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC, true);

/** Lets a public route have a body, of a few kilobytes. */
export const PublicBody = (): MethodDecorator => SetMetadata(PUBLIC_BODY, true);

/** The principal that the guard attached to the request. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (principal === undefined) throw new Error('A public route has no principal.');
  return principal;
});
