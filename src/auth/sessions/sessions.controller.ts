import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ApiErrors } from '../../http/api-errors.js';
import type { Principal } from '../principal.js';
import { CurrentPrincipal, Public, PublicBody, Requires } from '../requires.js';
import { BrowserSessions } from './browser-sessions.js';
import { PasswordSignIn } from './password-sign-in.js';
import { ListSessionsQuery, OwnSessionDto, SessionListDto, SIGN_IN_EXAMPLES, SignInDto } from './session.dto.js';
import { browserAddressOf } from './browser-address.js';
import { SessionsService } from './sessions.service.js';

const COOKIE = { 'Set-Cookie': { description: 'The cookie of the session.', schema: { type: 'string' } } } as const;

@ApiTags('sessions')
@Controller('api/sessions')
export class SessionsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly browsers: BrowserSessions,
    private readonly passwords: PasswordSignIn,
  ) {}

  @Post()
  @Public()
  @PublicBody()
  @ApiOperation({ summary: 'Sign a browser in with a password' })
  @ApiBody({ type: SignInDto, examples: SIGN_IN_EXAMPLES })
  @ApiResponse({ status: 201, type: OwnSessionDto, description: 'The session', headers: COOKIE })
  @ApiErrors('invalid_credentials', 'rate_limited', 'sign_in_unavailable', 'forbidden')
  async create(
    @Body() body: SignInDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OwnSessionDto> {
    this.browsers.requireOwnPage(request);
    return this.browsers.begin(request, response, await this.passwords.signIn(body, browserAddressOf(request)));
  }

  @Get()
  @ApiBearerAuth()
  @Requires('session:manage')
  @ApiOperation({ summary: "List one's own sessions, latest first" })
  @ApiResponse({ status: 200, type: SessionListDto, description: 'Those that have not ended' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() { userId }: ListSessionsQuery,
  ): Promise<SessionListDto> {
    return { items: await this.sessions.list(principal, userId) };
  }

  @Get('current')
  @ApiBearerAuth()
  @Requires('session:manage')
  @ApiOperation({ summary: 'The session that the request comes by, with its CSRF token' })
  @ApiResponse({ status: 200, type: OwnSessionDto, description: 'The session' })
  @ApiErrors('session_not_found')
  async current(@CurrentPrincipal() principal: Principal, @Req() request: Request): Promise<OwnSessionDto> {
    return this.browsers.withCsrfToken(request, await this.sessions.current(principal));
  }

  @Delete('current')
  @HttpCode(204)
  @ApiBearerAuth()
  @Requires('session:manage')
  @ApiOperation({ summary: 'Sign out: end the session that the request comes by' })
  @ApiResponse({ status: 204, description: 'It has ended' })
  @ApiErrors('session_not_found')
  async endCurrent(
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.sessions.endCurrent(principal);
    this.browsers.clear(response);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiBearerAuth()
  @Requires('session:manage')
  @ApiOperation({ summary: 'End a session; its connections end within five seconds' })
  @ApiResponse({ status: 204, description: 'It has ended' })
  end(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.sessions.end(principal, id);
  }
}
