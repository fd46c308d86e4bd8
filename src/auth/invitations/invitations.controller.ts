import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiErrors } from '../../http/api-errors.js';
import { Public, PublicBody } from '../requires.js';
import { ACCEPT_INVITATION_EXAMPLES, AcceptedInvitationDto, AcceptInvitationDto } from './invitation.dto.js';
import { InvitationsService } from './invitations.service.js';

@ApiTags('users')
@Controller('api/invitations')
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  @Post('accept')
  @HttpCode(200)
  @Public()
  @PublicBody()
  @ApiOperation({ summary: "Set the password of an invitation's user; earlier sessions end" })
  @ApiBody({ type: AcceptInvitationDto, examples: ACCEPT_INVITATION_EXAMPLES })
  @ApiResponse({ status: 200, type: AcceptedInvitationDto, description: 'The password is set' })
  @ApiErrors('invitation_not_found', 'rate_limited')
  accept(@Body() body: AcceptInvitationDto): Promise<AcceptedInvitationDto> {
    return this.invitations.accept(body);
  }
}
