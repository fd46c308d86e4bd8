import { describe, expect, it } from '@jest/globals';
import { type ExecutionContext, Get } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import type { Authenticator, Credential } from './authenticator.js';
import type { Permission } from './permissions.js';
import type { Principal } from './principal.js';
import { Public, Requires } from './requires.js';

class Routes {
  @Get('log')
  @Requires('container:read')
  read(): void {}

  @Get('live')
  @Public()
  probe(): void {}
}

/** Admits one token, whose holder has the given permissions. */
function guardFor(permissions: Permission[]): { guard: AccessGuard; seen: Credential[] } {
  const seen: Credential[] = [];
  const authenticate = async (credential: Credential): Promise<Principal> => {
    seen.push(credential);
    return { ownerId: 'someone', permissions: new Set(permissions) };
  };
  return { guard: new AccessGuard(new Reflector(), { authenticate } as Authenticator), seen };
}

function contextOf(
  handler: 'read' | 'probe',
  request: { headers: Record<string, string>; principal?: Principal },
  type = 'http',
): ExecutionContext {
  return {
    getType: () => type,
    getHandler: () => Routes.prototype[handler],
    getClass: () => Routes,
    switchToHttp: () => ({ getRequest: () => request }),
  } as unknown as ExecutionContext;
}

describe('AccessGuard', () => {
  it('attaches the principal of the bearer token to the request', async () => {
    const { guard, seen } = guardFor(['container:read']);
    const request: { headers: Record<string, string>; principal?: Principal } = {
      headers: { authorization: 'bearer  abc ' },
    };
    await expect(guard.canActivate(contextOf('read', request))).resolves.toBe(true);
    expect(seen).toEqual([{ kind: 'bearer', token: 'abc' }]);
    expect(request.principal?.ownerId).toBe('someone');
  });

  it.each(['Basic abc', 'Bearer', 'Bearer a b', 'abc', ''])('takes no token from "%s"', async (authorization) => {
    const { guard, seen } = guardFor(['container:read']);
    await guard.canActivate(contextOf('read', { headers: { authorization } }));
    expect(seen).toEqual([{ kind: 'bearer', token: undefined }]);
  });

  it('refuses a principal without the permission of the route', async () => {
    const { guard } = guardFor(['info:read']);
    const request = { headers: { authorization: 'Bearer abc' } };
    await expect(guard.canActivate(contextOf('read', request))).rejects.toMatchObject({ code: 'forbidden' });
    expect(request).not.toHaveProperty('principal');
  });

  it('asks for nothing on a public route', async () => {
    const { guard, seen } = guardFor([]);
    await expect(guard.canActivate(contextOf('probe', { headers: {} }))).resolves.toBe(true);
    expect(seen).toEqual([]);
  });

  it('leaves events of sockets to the Socket.io server', async () => {
    const { guard, seen } = guardFor([]);
    await expect(guard.canActivate(contextOf('read', { headers: {} }, 'ws'))).resolves.toBe(true);
    expect(seen).toEqual([]);
  });
});
