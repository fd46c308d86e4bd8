import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { currentContext } from '../../common/request-context.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { ApiErrors } from '../../http/api-errors.js';
import { Public } from '../requires.js';
import { browserAddressOf } from '../sessions/browser-address.js';
import { BrowserSessions } from '../sessions/browser-sessions.js';
import { OidcClient } from './oidc-client.js';
import { OidcFlowCookie } from './oidc-flow-cookie.js';
import { OidcSignIn } from './oidc-sign-in.js';
import { OidcStartQuery } from './oidc.dto.js';
import { sendRefusedPage } from './refused-page.js';
import { ownPath } from './return-path.js';

const HOME = '/sign-in';
const headers = (name: string, description: string) =>
  ({ [name]: { description, schema: { type: 'string' } } }) as const;

@ApiTags('sessions')
@Public()
@Controller('api/auth/oidc')
export class OidcController {
  constructor(
    private readonly client: OidcClient,
    private readonly cookie: OidcFlowCookie,
    private readonly signIn: OidcSignIn,
    private readonly browsers: BrowserSessions,
  ) {}

  @Get('start')
  @ApiOperation({ summary: 'Send a browser to the OpenID provider' })
  @ApiResponse({ status: 302, description: 'To the provider', headers: headers('Location', 'At the provider.') })
  @ApiErrors('sign_in_unavailable', 'oidc_unavailable')
  start(@Query() { returnTo }: OidcStartQuery, @Req() request: Request, @Res() response: Response): Promise<void> {
    return answering(request, response, async () => {
      this.browsers.requireAvailable(request);
      const { url, flow } = await this.client.begin(ownPath(returnTo) ?? HOME);
      response.append('Set-Cookie', await this.cookie.issue(flow)).redirect(url.href);
    });
  }

  @Get('callback')
  @ApiOperation({ summary: 'Where the OpenID provider sends a browser back to, which is then signed in' })
  @ApiQuery({ name: 'state', required: false, description: 'As the provider was given it.' })
  @ApiQuery({ name: 'code', required: false, description: "The provider's code." })
  @ApiQuery({ name: 'error', required: false, description: 'Why the provider refused.' })
  @ApiResponse({
    status: 302,
    description: 'To where the browser goes on',
    headers: headers('Set-Cookie', 'The cookie of the session.'),
  })
  @ApiErrors('sign_in_unavailable', 'sign_in_refused', 'oidc_unavailable', 'rate_limited')
  callback(@Req() request: Request, @Res() response: Response): Promise<void> {
    return answering(request, response, async () => {
      this.browsers.requireAvailable(request);
      const { search, searchParams } = new URL(request.originalUrl, 'http://localhost');
      const flow = await this.cookie.read(request.headers.cookie, searchParams.get('state') ?? '');
      if (flow === null)
        throw new DomainError(
          'sign_in_refused',
          'This sign-in was begun in another browser, too long ago, or is over.',
        );
      response.append('Set-Cookie', this.cookie.clear());
      const begun = await this.signIn.complete(search, flow, browserAddressOf(request));
      await this.browsers.begin(request, response, begun);
      response.redirect(flow.returnTo);
    });
  }
}

/** Browsers get a page that tells what went wrong, all others the problem document. */
async function answering(request: Request, response: Response, work: () => Promise<void>): Promise<void> {
  response.set('Cache-Control', 'no-store');
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DomainError) || request.accepts(['json', 'html']) !== 'html') throw error;
    currentContext()?.onError?.(error.code);
    sendRefusedPage(response, error);
  }
}
