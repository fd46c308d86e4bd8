import { Body, Controller, Get, Param, Patch, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../auth/principal.js';
import { CurrentPrincipal, Requires } from '../../auth/requires.js';
import { EgressDenials } from '../../egress/egress-denials.js';
import { UPDATE_EGRESS_EXAMPLES, UpdateEgressDto } from '../../egress/egress.dto.js';
import { ApiErrors, ENGINE_ERRORS } from '../../http/api-errors.js';
import { ContainerView } from '../container-view.js';
import { ContainersService } from '../containers.service.js';
import { ContainerDto } from '../dto/container.dto.js';
import { DenialsQuery, EgressDenialListDto } from './denials.dto.js';
import { EgressChanges } from './egress-changes.js';

@ApiTags('egress')
@ApiBearerAuth()
@Controller('api/containers/:id/egress')
export class EgressController {
  constructor(
    private readonly containers: ContainersService,
    private readonly changes: EgressChanges,
    private readonly denials: EgressDenials,
    private readonly view: ContainerView,
  ) {}

  @Patch()
  @Requires('container:update')
  @ApiOperation({
    summary: 'Change what a container may reach',
    description:
      'It takes effect within a second. A running container that is opened gets an interface of its own with its next start, and reaches everything through the gateway until then.',
  })
  @ApiBody({ type: UpdateEgressDto, examples: UPDATE_EGRESS_EXAMPLES })
  @ApiResponse({ status: 200, type: ContainerDto, description: 'The container with its changes' })
  @ApiErrors(
    'egress_open_forbidden',
    'egress_not_supported',
    'image_outdated',
    'invalid_state',
    'busy',
    ...ENGINE_ERRORS,
  )
  async change(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body() body: UpdateEgressDto,
  ): Promise<ContainerDto> {
    return this.view.one(await this.changes.change(await this.containers.find(principal, id), body));
  }

  @Get('denials')
  @Requires('container:read')
  @ApiOperation({
    summary: 'Connections that the container was refused, first to last',
    description: 'The latest 1000 of the last 30 days are kept. Each names the rule that would allow it.',
  })
  @ApiResponse({ status: 200, type: EgressDenialListDto, description: 'Those after `after`' })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Query() { after, limit }: DenialsQuery,
  ): Promise<EgressDenialListDto> {
    const container = await this.containers.find(principal, id);
    return { items: await this.denials.list(container.id, after, limit) };
  }
}
