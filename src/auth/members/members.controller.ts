import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiErrors } from '../../http/api-errors.js';
import type { Principal } from '../principal.js';
import { CurrentPrincipal, Requires } from '../requires.js';
import { MemberDto, MemberListDto, PUT_MEMBER_EXAMPLES, PutMemberDto } from './member.dto.js';
import { MembersService } from './members.service.js';

@ApiTags('projects')
@ApiBearerAuth()
@Controller('api/projects/:id/members')
export class MembersController {
  constructor(private readonly members: MembersService) {}

  @Get()
  @Requires('member:read')
  @ApiOperation({ summary: "List a project's members, by email" })
  @ApiResponse({ status: 200, type: MemberListDto, description: 'All of them' })
  async list(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<MemberListDto> {
    return { items: await this.members.list(principal, id) };
  }

  @Put(':userId')
  @Requires('member:manage')
  @ApiOperation({ summary: 'Add a user to a project, or change its role there' })
  @ApiBody({ type: PutMemberDto, examples: PUT_MEMBER_EXAMPLES })
  @ApiResponse({ status: 200, type: MemberDto, description: 'The member' })
  @ApiErrors('user_not_found', 'invalid_state')
  put(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('userId') userId: string,
    @Body() { role }: PutMemberDto,
  ): Promise<MemberDto> {
    return this.members.put(principal, id, userId, role);
  }

  @Delete(':userId')
  @HttpCode(204)
  @Requires('member:manage')
  @ApiOperation({ summary: 'Remove a user from a project; its connections to it end within five seconds' })
  @ApiResponse({ status: 204, description: 'It is no member any more' })
  @ApiErrors('user_not_found', 'invalid_state')
  remove(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('userId') userId: string,
  ): Promise<void> {
    return this.members.remove(principal, id, userId);
  }
}
