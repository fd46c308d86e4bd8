import { Global, Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { AdminToken } from './admin-token.js';
import { ApiKeyIdentities } from './api-keys/api-key-identities.js';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { Authenticator } from './authenticator.js';
import { MeController } from './projects/me.controller.js';
import { ProjectsController } from './projects/projects.controller.js';
import { ProjectsService } from './projects/projects.service.js';
import { Revocation } from './revocation.js';
import { RoutePermissions } from './route-permissions.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  controllers: [MeController, ProjectsController, ApiKeysController],
  providers: [
    AdminToken,
    ApiKeyIdentities,
    ApiKeysService,
    Authenticator,
    ProjectsService,
    Revocation,
    RoutePermissions,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [AdminToken, Authenticator, Revocation],
})
export class AuthModule {}
