import { Injectable } from '@nestjs/common';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { noteRequest } from '../../common/request-context.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { type OidcSettings, Settings } from '../../config/settings.js';
import type { OidcFlow } from './oidc-flow-cookie.js';
import { asDomainError, failureOf, providerUnavailable } from './provider-failure.js';
import { type ProviderIdentity, providerIdentity } from './provider-identity.js';

const TIMEOUT_SECONDS = 10;
const CALLBACK = '/api/auth/oidc/callback';

/** Speaks with the OpenID provider: discovery, then the authorization code flow with PKCE, state and nonce. */
@Injectable()
export class OidcClient {
  private discovered: Promise<Configuration> | undefined;

  constructor(
    private readonly settings: Settings,
    @InjectPinoLogger(OidcClient.name) private readonly logger: PinoLogger,
  ) {}

  /**
   * @returns where the browser is sent, and what it has to bring back
   * @throws DomainError `sign_in_unavailable`, `oidc_unavailable`
   */
  async begin(returnTo: string): Promise<{ url: URL; flow: OidcFlow }> {
    const config = await this.configuration();
    const flow = { state: randomState(), nonce: randomNonce(), codeVerifier: randomPKCECodeVerifier(), returnTo };
    const url = buildAuthorizationUrl(config, {
      redirect_uri: `${this.settings.publicUrl}${CALLBACK}`,
      scope: this.oidc.scopes,
      code_challenge: await calculatePKCECodeChallenge(flow.codeVerifier),
      code_challenge_method: 'S256',
      state: flow.state,
      nonce: flow.nonce,
    });
    return { url, flow };
  }

  /**
   * @param search the query with which the browser came back
   * @throws DomainError `sign_in_refused` when the provider refused, or its answer is not of this sign-in;
   *   `sign_in_unavailable`, `oidc_unavailable`
   */
  async complete(search: string, { state, nonce, codeVerifier }: OidcFlow): Promise<ProviderIdentity> {
    noteRequest({ presented: { kind: 'oidc', id: this.oidc.issuer } });
    const config = await this.configuration();
    try {
      const url = new URL(`${this.settings.publicUrl}${CALLBACK}${search}`);
      const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: codeVerifier };
      const tokens = await authorizationCodeGrant(config, url, { ...checks, idTokenExpected: true });
      const claims = tokens.claims()!;
      const hasUserInfo = config.serverMetadata().userinfo_endpoint !== undefined;
      const userInfo = hasUserInfo ? await fetchUserInfo(config, tokens.access_token, claims.sub) : {};
      return providerIdentity(claims, userInfo, this.oidc);
    } catch (error) {
      this.logger.warn({ err: error, ...failureOf(error) }, 'A sign-in by the OpenID provider failed');
      throw asDomainError(error);
    }
  }

  private get oidc(): OidcSettings {
    if (this.settings.oidc === null)
      throw new DomainError('sign_in_unavailable', 'Signing in by an OpenID provider needs OIDC_ISSUER.');
    return this.settings.oidc;
  }

  /** Asked for at the first sign-in, so that DevForge starts without the provider, and again after a failure. */
  private async configuration(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.oidc;
    this.discovered ??= discovery(new URL(issuer), clientId, {}, authenticationBy(clientSecret), {
      timeout: TIMEOUT_SECONDS,
      // The settings allow plain HTTP on this machine alone.
      execute: [enableNonRepudiationChecks, ...(issuer.startsWith('http:') ? [allowInsecureRequests] : [])],
    });
    try {
      return await this.discovered;
    } catch (error) {
      this.discovered = undefined;
      this.logger.warn({ err: error, ...failureOf(error) }, 'The OpenID provider could not be discovered');
      throw providerUnavailable(error);
    }
  }
}

/** By HTTP Basic, which is the default of the specification, unless the provider takes the secret in the body alone. */
function authenticationBy(secret: string): ClientAuth {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const isPost = !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
    return (isPost ? post : basic)(server, client, body, headers);
  };
}
