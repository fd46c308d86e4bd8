import { Global, Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { ClientAddresses } from '../http/client-addresses.js';
import { AccessGuard } from './access.guard.js';
import { AdminToken } from './admin-token.js';
import { ApiKeyIdentities } from './api-keys/api-key-identities.js';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { AuditController } from './audit/audit.controller.js';
import { AuditLog } from './audit/audit-log.js';
import { AuditRetention } from './audit/audit-retention.js';
import { AuditService } from './audit/audit.service.js';
import { RefusalLog } from './audit/refusal-log.js';
import { Authenticator } from './authenticator.js';
import { CredentialIdentities } from './credentials/credential-identities.js';
import { InvitationLinks } from './invitations/invitation-links.js';
import { InvitationPageController } from './invitations/invitation-page.controller.js';
import { InvitationsController } from './invitations/invitations.controller.js';
import { InvitationsService } from './invitations/invitations.service.js';
import { MembersController } from './members/members.controller.js';
import { MembersService } from './members/members.service.js';
import { GroupRoles } from './oidc/group-roles.js';
import { OidcClient } from './oidc/oidc-client.js';
import { OidcController } from './oidc/oidc.controller.js';
import { OidcFlowCookie } from './oidc/oidc-flow-cookie.js';
import { OidcSignIn } from './oidc/oidc-sign-in.js';
import { OidcUsers } from './oidc/oidc-users.js';
import { Passwords } from './passwords/passwords.js';
import { MeController } from './projects/me.controller.js';
import { ProjectsController } from './projects/projects.controller.js';
import { ProjectsService } from './projects/projects.service.js';
import { Revocation } from './revocation.js';
import { RoutePermissions } from './route-permissions.js';
import { SessionLinksController } from './session-links/session-links.controller.js';
import { SessionLinksService } from './session-links/session-links.service.js';
import { BrowserSessions } from './sessions/browser-sessions.js';
import { PasswordSignIn } from './sessions/password-sign-in.js';
import { SessionAuthenticator } from './sessions/session-authenticator.js';
import { SessionCookie } from './sessions/session-cookie.js';
import { SessionIdentities } from './sessions/session-identities.js';
import { SessionOwners } from './sessions/session-owners.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsService } from './sessions/sessions.service.js';
import { SignInLimit } from './sessions/sign-in-limit.js';
import { TokenSignIn } from './sessions/token-sign-in.js';
import { SignInPageController } from './sign-in-page/sign-in-page.controller.js';
import { UserDirectory } from './users/user-directory.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';

@Global()
@Module({
  imports: [DiscoveryModule],
  controllers: [
    MeController,
    ProjectsController,
    MembersController,
    ApiKeysController,
    AuditController,
    UsersController,
    SessionsController,
    SessionLinksController,
    InvitationsController,
    InvitationPageController,
    OidcController,
    SignInPageController,
  ],
  providers: [
    AdminToken,
    ApiKeyIdentities,
    ApiKeysService,
    AuditLog,
    AuditRetention,
    AuditService,
    Authenticator,
    BrowserSessions,
    ClientAddresses,
    CredentialIdentities,
    InvitationLinks,
    InvitationsService,
    GroupRoles,
    MembersService,
    OidcClient,
    OidcFlowCookie,
    OidcSignIn,
    OidcUsers,
    Passwords,
    PasswordSignIn,
    ProjectsService,
    RefusalLog,
    Revocation,
    RoutePermissions,
    SessionAuthenticator,
    SessionCookie,
    SessionIdentities,
    SessionLinksService,
    SessionOwners,
    SessionsService,
    SignInLimit,
    TokenSignIn,
    UserDirectory,
    UsersService,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [
    ProjectsService,
    AdminToken,
    AuditLog,
    Authenticator,
    ClientAddresses,
    RefusalLog,
    Revocation,
    UserDirectory,
  ],
})
export class AuthModule {}
