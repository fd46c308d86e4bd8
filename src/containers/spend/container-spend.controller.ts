import { Controller, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../auth/principal.js';
import { CurrentPrincipal, Requires } from '../../auth/requires.js';
import { ApiErrors } from '../../http/api-errors.js';
import { SpendDto } from '../../spend/spend.dto.js';
import { SpendReports } from '../../spend/spend-reports.js';
import { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import { ContainersService } from '../containers.service.js';

@ApiTags('spend')
@ApiBearerAuth()
@Controller('api/containers/:id/spend')
export class ContainerSpendController {
  constructor(
    private readonly containers: ContainersService,
    private readonly secrets: WorkspaceSecretsPublisher,
    private readonly reports: SpendReports,
  ) {}

  @Get()
  @Requires('container:read')
  @ApiOperation({
    summary: 'What a container has spent on models since it was created',
    description:
      'Counted by the gateway from the answers of the API: those to instructions, and to Claude Code in terminals and VS Code. Prices are those of the list that the server has.',
  })
  @ApiResponse({ status: 200, type: SpendDto, description: 'So far' })
  @ApiErrors()
  async get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<SpendDto> {
    const container = await this.containers.find(principal, id);
    return this.reports.ofContainer(container.id, container.budgetUsd, await this.secrets.isMetered(container));
  }
}
