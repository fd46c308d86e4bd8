import { Global, Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { AdminToken } from './admin-token.js';
import { Authenticator } from './authenticator.js';
import { RoutePermissions } from './route-permissions.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [AdminToken, Authenticator, RoutePermissions, { provide: APP_GUARD, useClass: AccessGuard }],
  exports: [AdminToken, Authenticator],
})
export class AuthModule {}
