import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../auth/principal.js';
import { CurrentPrincipal, Requires } from '../../auth/requires.js';
import { ApiErrors, ENGINE_ERRORS } from '../../http/api-errors.js';
import { CountsAsCreate } from '../../rate-limits/counts-as-create.js';
import { ForkContainerDto, FORK_EXAMPLES, ForkedContainersDto } from './dto/fork-container.dto.js';
import { InstructedForks } from './instructed-forks.js';

@ApiTags('containers')
@ApiBearerAuth()
@Controller('api/containers')
export class ContainerForksController {
  constructor(private readonly forks: InstructedForks) {}

  @Post(':id/fork')
  @Requires('container:create')
  @CountsAsCreate()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Make copies of a container',
    description:
      'Each is a container of its own with the same settings, and with the files and the sessions of Claude Code as they are now, on a new branch. It may run; it stands still for a moment. Answered once the files are saved; the copies are set up in the background.',
  })
  @ApiBody({ type: ForkContainerDto, examples: FORK_EXAMPLES })
  @ApiResponse({ status: 202, type: ForkedContainersDto, description: 'The copies' })
  @ApiErrors(
    'quota_exceeded',
    'snapshot_not_supported',
    'credential_not_usable',
    'egress_open_forbidden',
    'egress_not_supported',
    'no_claude_code',
    'invalid_state',
    'busy',
    'out_of_disk',
    ...ENGINE_ERRORS,
  )
  async fork(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body() body: ForkContainerDto,
  ): Promise<ForkedContainersDto> {
    return { items: await this.forks.fork(principal, id, body) };
  }
}
