import { describe, expect, it } from '@jest/globals';
import { type ExecutionContext, Get } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { EventEmitter } from 'node:events';
import type { ProjectRole } from '../persistence/types.js';
import { AccessGuard } from './access.guard.js';
import { PermissionGuard } from './permission.guard.js';
import type { Authenticator, Presented } from './authenticator.js';
import type { Identity, Principal } from './principal.js';
import { Public, Requires } from './requires.js';
import { Revocation } from './revocation.js';
import { CsrfTokenError } from './sessions/csrf-token.js';

class Routes {
  @Get('log')
  @Requires('container:read')
  read(): void {}

  @Get('exec')
  @Requires('container:exec')
  exec(): void {}

  @Get('me')
  @Requires('info:read')
  me(): void {}

  @Get('metrics')
  @Requires('server:metrics')
  metrics(): void {}

  @Get('live')
  @Public()
  probe(): void {}
}

class TestResponse extends EventEmitter {
  destroyed = false;

  destroy(): void {
    this.destroyed = true;
  }
}

class TestRequest {
  identity?: Identity;
  principal?: Principal;
  readonly res = new TestResponse();
  constructor(readonly headers: Record<string, string> = { authorization: 'Bearer abc' }) {}
}

class Setup {
  readonly seen: Presented[] = [];
  /** Whether requests come without their CSRF token. */
  fails = false;
  readonly watched = new Set<() => void>();
  private readonly guard: AccessGuard;
  private readonly permissions: PermissionGuard;

  /** Everybody is a service with these roles, or the administrator. */
  constructor(roles: Record<string, ProjectRole> | 'administrator') {
    const isAdministrator = roles === 'administrator';
    const identity: Identity = {
      kind: isAdministrator ? 'administrator' : 'service',
      id: 'someone',
      name: 'Someone',
      roles: new Map(isAdministrator ? [] : Object.entries(roles)),
      credential: { kind: 'api_key', id: 'k' },
    };
    const authenticate = async (presented: Presented): Promise<Identity> => {
      this.seen.push(presented);
      if (this.fails) throw new CsrfTokenError(identity);
      return identity;
    };
    const watch = (_: Identity, end: () => void): (() => void) => {
      this.watched.add(end);
      return () => this.watched.delete(end);
    };
    this.guard = new AccessGuard(new Reflector(), { authenticate } as Authenticator);
    this.permissions = new PermissionGuard(
      new Reflector(),
      Object.assign(Object.create(Revocation.prototype) as Revocation, { watch }),
    );
  }

  async ask(handler: keyof Routes, request = new TestRequest(), type = 'http'): Promise<boolean> {
    const context = {
      getType: () => type,
      getHandler: () => Routes.prototype[handler],
      getClass: () => Routes,
      switchToHttp: () => ({ getRequest: () => request }),
    } as unknown as ExecutionContext;
    return (await this.guard.canActivate(context)) && this.permissions.canActivate(context);
  }
}

describe('AccessGuard and PermissionGuard', () => {
  it('attaches the principal of the bearer token to the request, with the permission of the route', async () => {
    const setup = new Setup({ p: 'viewer' });
    const request = new TestRequest({ authorization: 'bearer  abc ' });
    await expect(setup.ask('read', request)).resolves.toBe(true);
    expect(setup.seen).toEqual([{ by: 'bearer', token: 'abc' }]);
    expect(request.principal).toMatchObject({ id: 'someone', permission: 'container:read' });
  });

  it.each(['Bearer', 'Bearer a b', 'bearer '])(
    'takes neither a token nor a cookie beside "%s"',
    async (authorization) => {
      const setup = new Setup({ p: 'viewer' });
      await setup.ask('read', new TestRequest({ authorization, cookie: 'a=b' }));
      expect(setup.seen).toEqual([{ by: 'bearer', token: undefined }]);
    },
  );

  it.each(['Basic abc', 'abc', ''])('takes no token from "%s", and a cookie beside it', async (authorization) => {
    const setup = new Setup({ p: 'viewer' });
    const request = new TestRequest({ authorization, cookie: 'a=b' });
    await setup.ask('read', request);
    expect(setup.seen).toEqual([{ by: 'bearer', token: undefined, request }]);
  });

  it.each([
    ['viewer', { read: true, exec: false, me: true, metrics: false }],
    ['member', { read: true, exec: true, me: true, metrics: false }],
    ['owner', { read: true, exec: true, me: true, metrics: false }],
  ] as const)('lets a %s do what the role includes', async (role, expected) => {
    const setup = new Setup({ p: role });
    const allowed = async (handler: keyof Routes): Promise<boolean> => setup.ask(handler).catch(() => false);
    for (const [handler, may] of Object.entries(expected))
      expect([handler, await allowed(handler as keyof Routes)]).toEqual([handler, may]);
  });

  it('refuses a principal that has the permission in no project', async () => {
    const request = new TestRequest();
    await expect(new Setup({ p: 'viewer' }).ask('exec', request)).rejects.toMatchObject({ code: 'forbidden' });
    expect(request.principal).toBeUndefined();
  });

  it('tells somebody without any project who they are, and nothing else', async () => {
    await expect(new Setup({}).ask('me')).resolves.toBe(true);
    await expect(new Setup({}).ask('read')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('in no project yet'),
    });
  });

  it('lets an administrator do everything', async () => {
    await expect(new Setup('administrator').ask('metrics')).resolves.toBe(true);
  });

  it('knows whose request it refuses, so that it counts among theirs', async () => {
    const forbidden = new TestRequest();
    await expect(new Setup({ p: 'viewer' }).ask('exec', forbidden)).rejects.toMatchObject({ code: 'forbidden' });
    expect(forbidden.identity).toMatchObject({ id: 'someone' });
    const setup = new Setup({ p: 'owner' });
    setup.fails = true;
    const forged = new TestRequest();
    await expect(setup.ask('exec', forged)).rejects.toMatchObject({ code: 'csrf_token_invalid' });
    expect([forged.identity, forged.principal]).toEqual([expect.objectContaining({ id: 'someone' }), undefined]);
  });

  it('ends the response when the credential is revoked, and stops watching when it is closed', async () => {
    const setup = new Setup({ p: 'viewer' });
    const [revoked, closed] = [new TestRequest(), new TestRequest()];
    await setup.ask('read', revoked);
    await setup.ask('read', closed);
    closed.res.emit('close');
    expect(setup.watched.size).toBe(1);
    for (const end of setup.watched) end();
    expect([revoked.res.destroyed, closed.res.destroyed]).toEqual([true, false]);
  });

  it('asks for nothing on a public route', async () => {
    const setup = new Setup({});
    await expect(setup.ask('probe', new TestRequest({}))).resolves.toBe(true);
    expect(setup.seen).toEqual([]);
  });

  it('leaves events of sockets to the Socket.io server', async () => {
    const setup = new Setup({});
    await expect(setup.ask('read', new TestRequest({}), 'ws')).resolves.toBe(true);
    expect(setup.seen).toEqual([]);
  });
});
