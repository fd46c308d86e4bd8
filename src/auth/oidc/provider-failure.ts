import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';
import { DomainError } from '../../common/errors/domain-error.js';

/** The provider did not answer in time, or not with what it should. */
const UNAVAILABLE = new Set(['OAUTH_TIMEOUT', 'OAUTH_ABORT', 'OAUTH_RESPONSE_IS_NOT_CONFORM']);
const IDENTIFIER = /^[\w.-]{1,80}$/;

/** What of a provider's failure may be logged: codes, no text or parameter of a request or an answer. */
export interface ProviderFailure {
  /** OAuth's own code, such as `invalid_client`. */
  oauthError?: string;
  /** The claim or the attribute that is not as expected. */
  attribute?: string;
}

export function failureOf(error: unknown): ProviderFailure {
  const oauthError =
    error instanceof AuthorizationResponseError || error instanceof ResponseBodyError ? error.error : undefined;
  const attribute = attributeOf(error);
  return {
    ...(oauthError !== undefined && IDENTIFIER.test(oauthError) ? { oauthError } : {}),
    ...(attribute === undefined ? {} : { attribute }),
  };
}

/** `oidc_unavailable` or `sign_in_refused` */
export function asDomainError(error: unknown): DomainError {
  if (isUnavailable(error)) return providerUnavailable(error);
  const isDenied = error instanceof AuthorizationResponseError && error.error === 'access_denied';
  const message = isDenied
    ? 'The OpenID provider did not let you sign in to DevForge.'
    : 'The OpenID provider did not confirm this sign-in. Begin it again.';
  return new DomainError('sign_in_refused', message, { cause: error });
}

export function providerUnavailable(cause: unknown): DomainError {
  return new DomainError(
    'oidc_unavailable',
    'The OpenID provider does not answer, or not as it should. Try again later.',
    { cause },
  );
}

function isUnavailable(error: unknown): boolean {
  if (error instanceof ResponseBodyError) return error.status >= 500;
  if (error instanceof ClientError) return UNAVAILABLE.has(error.code ?? '');
  // What fetch throws when there is no connection.
  return error instanceof TypeError && error.cause instanceof Error;
}

function attributeOf(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth += 1) {
    const { claim, attribute, cause } = current as Record<string, unknown>;
    const name = claim ?? attribute;
    if (typeof name === 'string' && IDENTIFIER.test(name)) return name;
    current = cause;
  }
  return undefined;
}
