import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { noteSignInOf } from '../audit/sign-in-target.js';
import { SignInLimit } from '../sessions/sign-in-limit.js';
import { type BegunSession, type BrowserAddress, SessionsService } from '../sessions/sessions.service.js';
import { ownedByUser } from '../sessions/session-owners.js';
import { actingAs } from './acting-as.js';
import { GroupRoles } from './group-roles.js';
import { OidcClient } from './oidc-client.js';
import type { OidcFlow } from './oidc-flow-cookie.js';
import { OidcUsers } from './oidc-users.js';

/** Signs a browser in that comes back from the provider. */
@Injectable()
export class OidcSignIn {
  constructor(
    private readonly client: OidcClient,
    private readonly users: OidcUsers,
    private readonly groupRoles: GroupRoles,
    private readonly sessions: SessionsService,
    private readonly limit: SignInLimit,
  ) {}

  /**
   * @param search the query with which the browser came back
   * @throws DomainError `sign_in_refused`, also for somebody who is neither invited nor allowed, or who is disabled;
   *   `sign_in_unavailable`, `oidc_unavailable`, `rate_limited`
   */
  async complete(search: string, flow: OidcFlow, from: BrowserAddress): Promise<BegunSession> {
    const takeBack = await this.limit.begin(from.address);
    try {
      const begun = await this.signIn(search, flow, from);
      await takeBack();
      return begun;
    } catch (error) {
      // Nobody's fault at this address.
      if (error instanceof DomainError && error.code === 'oidc_unavailable') await takeBack();
      throw error;
    }
  }

  private async signIn(search: string, flow: OidcFlow, from: BrowserAddress): Promise<BegunSession> {
    noteSignInOf(null);
    const identity = await this.client.complete(search, flow);
    const user = await this.users.find(identity);
    noteSignInOf(user);
    if (user.disabledAt !== null) throw disabled();
    await actingAs(user, identity, () => this.groupRoles.apply(user, identity.groups));
    const begun = await this.sessions.begin(ownedByUser(user.id), from);
    if (begun === null) throw disabled();
    return begun;
  }
}

function disabled(): DomainError {
  return new DomainError('sign_in_refused', 'Your user of DevForge is disabled. Ask an administrator.');
}
