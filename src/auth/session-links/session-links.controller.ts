import { Body, Controller, Get, Post, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Settings } from '../../config/settings.js';
import { ApiErrors } from '../../http/api-errors.js';
import type { Principal } from '../principal.js';
import { CurrentPrincipal, Public, PublicBody, Requires } from '../requires.js';
import { browserAddressOf } from '../sessions/browser-address.js';
import { BrowserSessions } from '../sessions/browser-sessions.js';
import { OwnSessionDto } from '../sessions/session.dto.js';
import { TokenSignIn } from '../sessions/token-sign-in.js';
import {
  LINK_EXAMPLES,
  SessionByLinkDto,
  SessionByTokenDto,
  SessionLinkDto,
  SignInOptionsDto,
  TOKEN_EXAMPLES,
} from './session-link.dto.js';
import { SessionLinksService } from './session-links.service.js';

const COOKIE = { 'Set-Cookie': { description: 'The cookie of the session.', schema: { type: 'string' } } } as const;

/** What signs browsers in beside passwords and the OpenID provider. */
@ApiTags('sessions')
@Controller('api')
export class SessionLinksController {
  constructor(
    private readonly links: SessionLinksService,
    private readonly tokens: TokenSignIn,
    private readonly browsers: BrowserSessions,
    private readonly settings: Settings,
  ) {}

  @Get('auth/options')
  @Public()
  @ApiOperation({ summary: 'How a browser can be signed in' })
  @ApiResponse({ status: 200, type: SignInOptionsDto, description: 'The ways that there are' })
  options(@Req() request: Request): SignInOptionsDto {
    const { oidc, publicUrl, editorDomain } = this.settings;
    return {
      available: this.browsers.isAvailable(request),
      url: publicUrl,
      enabled: editorDomain !== null,
      provider: oidc === null ? null : { name: oidc.name, url: '/api/auth/oidc/start' },
    };
  }

  @Post('sessions/by-token')
  @Public()
  @PublicBody()
  @ApiOperation({ summary: 'Sign a browser in with a token, so that it need not keep it' })
  @ApiBody({ type: SessionByTokenDto, examples: TOKEN_EXAMPLES })
  @ApiResponse({ status: 201, type: OwnSessionDto, description: 'The session', headers: COOKIE })
  @ApiErrors('invalid_credentials', 'rate_limited', 'sign_in_unavailable', 'forbidden')
  async byToken(
    @Body() { token }: SessionByTokenDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OwnSessionDto> {
    this.browsers.requireOwnPage(request);
    return this.browsers.begin(request, response, await this.tokens.signIn(token, browserAddressOf(request)));
  }

  @Post('sessions/by-link')
  @Public()
  @PublicBody()
  @ApiOperation({ summary: 'Sign a browser in with a single-use link' })
  @ApiBody({ type: SessionByLinkDto, examples: LINK_EXAMPLES })
  @ApiResponse({ status: 201, type: OwnSessionDto, description: 'The session', headers: COOKIE })
  @ApiErrors('invalid_credentials', 'rate_limited', 'sign_in_unavailable', 'forbidden')
  async byLink(
    @Body() { secret }: SessionByLinkDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OwnSessionDto> {
    this.browsers.requireOwnPage(request);
    return this.browsers.begin(request, response, await this.links.redeem(secret, browserAddressOf(request)));
  }

  @Post('session-links')
  @ApiBearerAuth()
  @Requires('session:manage')
  @ApiOperation({ summary: 'Make a single-use link that signs a browser in to the console as the caller' })
  @ApiResponse({ status: 201, type: SessionLinkDto, description: 'The link' })
  @ApiErrors('sign_in_unavailable')
  create(@CurrentPrincipal() principal: Principal): Promise<SessionLinkDto> {
    return this.links.create(principal);
  }
}
