import { describe, expect, it } from '@jest/globals';
import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client';
import { asDomainError, failureOf } from './provider-failure.js';

const responseError = (status: number, error: string): ResponseBodyError =>
  new ResponseBodyError('x', { cause: { error, code: 'secret' }, response: new Response(null, { status }) } as never);
const authorizationError = (error: string): AuthorizationResponseError =>
  new AuthorizationResponseError('x', { cause: new URLSearchParams({ error, state: 'secret' }) });
const clientError = (code: string, cause?: unknown): ClientError =>
  Object.assign(new ClientError('x', { cause } as never), { code });
const noConnection = new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') });

describe('a failure of the provider', () => {
  it.each([
    ['no connection', noConnection],
    ['no answer in time', clientError('OAUTH_TIMEOUT')],
    ['an error of its own', responseError(500, 'server_error')],
    ['an answer that is none of OAuth', clientError('OAUTH_RESPONSE_IS_NOT_CONFORM')],
  ])('is that it is unavailable, with %s', (_, error) => {
    expect(asDomainError(error)).toMatchObject({ code: 'oidc_unavailable', cause: error });
  });

  it.each([
    ['a spent code', responseError(400, 'invalid_grant'), 'did not confirm'],
    ['a wrong nonce', clientError('OAUTH_JWT_CLAIM_COMPARISON_FAILED'), 'did not confirm'],
    ['a refusal', authorizationError('access_denied'), 'did not let you sign in'],
    ['a fault in our own code', new TypeError('undefined is not a function'), 'did not confirm'],
  ])('is that it refuses, with %s', (_, error, message) => {
    const refused = asDomainError(error);
    expect(refused.code).toBe('sign_in_refused');
    expect(refused.message).toContain(message);
  });

  it('is described by codes alone', () => {
    expect(failureOf(responseError(400, 'invalid_grant'))).toEqual({ oauthError: 'invalid_grant' });
    expect(failureOf(authorizationError('access_denied'))).toEqual({ oauthError: 'access_denied' });
    expect(failureOf(authorizationError('a text that a page has written'))).toEqual({});
    const mismatch = clientError('x', { cause: { claims: { nonce: 'secret' }, claim: 'nonce' } });
    expect(failureOf(mismatch)).toEqual({ attribute: 'nonce' });
    expect(failureOf(noConnection)).toEqual({});
  });
});
