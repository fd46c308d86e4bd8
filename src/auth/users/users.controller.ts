import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ApiErrors } from '../../http/api-errors.js';
import type { Principal } from '../principal.js';
import { CurrentPrincipal, Requires } from '../requires.js';
import {
  CREATE_USER_EXAMPLES,
  CreateUserDto,
  InvitationDto,
  InvitedUserDto,
  UPDATE_USER_EXAMPLES,
  UpdateUserDto,
  UserDto,
  UserListDto,
} from './user.dto.js';
import { UsersService } from './users.service.js';

const LOCATION = { Location: { description: 'Path of the user', schema: { type: 'string' } } } as const;

@ApiTags('users')
@ApiBearerAuth()
@Controller('api/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Post()
  @Requires('user:manage')
  @ApiOperation({ summary: 'Invite a user: the answer has the link, which nobody else is sent' })
  @ApiBody({ type: CreateUserDto, examples: CREATE_USER_EXAMPLES })
  @ApiResponse({ status: 201, type: InvitedUserDto, description: 'The user and the link', headers: LOCATION })
  @ApiErrors('email_taken')
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateUserDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InvitedUserDto> {
    const invited = await this.users.create(principal, body);
    response.location(`/api/users/${invited.user.id}`);
    return invited;
  }

  @Get()
  @Requires('user:read')
  @ApiOperation({ summary: 'List users, by email' })
  @ApiResponse({ status: 200, type: UserListDto, description: 'All of them' })
  async list(): Promise<UserListDto> {
    return { items: await this.users.list() };
  }

  @Get(':id')
  @Requires('user:read')
  @ApiOperation({ summary: 'Get a user' })
  @ApiResponse({ status: 200, type: UserDto, description: 'The user' })
  get(@Param('id') id: string): Promise<UserDto> {
    return this.users.get(id);
  }

  @Patch(':id')
  @Requires('user:manage')
  @ApiOperation({ summary: 'Change a user; connections that it may no longer have end within five seconds' })
  @ApiBody({ type: UpdateUserDto, examples: UPDATE_USER_EXAMPLES })
  @ApiResponse({ status: 200, type: UserDto, description: 'The user with its changes' })
  @ApiErrors('email_taken', 'invalid_state')
  update(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body() body: UpdateUserDto,
  ): Promise<UserDto> {
    return this.users.update(principal, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('user:manage')
  @ApiOperation({ summary: 'Remove a user with its memberships, sessions and keys; its containers stay' })
  @ApiResponse({ status: 204, description: 'It is gone' })
  @ApiErrors('invalid_state')
  remove(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.users.remove(principal, id);
  }

  @Post(':id/invitation')
  @Requires('user:manage')
  @ApiOperation({ summary: 'Make a new link with which the user sets a password; earlier links no longer work' })
  @ApiResponse({ status: 201, type: InvitationDto, description: 'The link' })
  invite(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<InvitationDto> {
    return this.users.invite(principal, id);
  }
}
