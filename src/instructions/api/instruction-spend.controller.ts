import { Controller, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../auth/principal.js';
import { CurrentPrincipal, Requires } from '../../auth/requires.js';
import { ContainersService } from '../../containers/containers.service.js';
import { SpendDto } from '../../spend/spend.dto.js';
import { SpendReports } from '../../spend/spend-reports.js';
import { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import { InstructionsService } from './instructions.service.js';

@ApiTags('spend')
@ApiBearerAuth()
@Controller('api/instructions/:id/spend')
export class InstructionSpendController {
  constructor(
    private readonly instructions: InstructionsService,
    private readonly containers: ContainersService,
    private readonly secrets: WorkspaceSecretsPublisher,
    private readonly reports: SpendReports,
  ) {}

  @Get()
  @Requires('instruction:read')
  @ApiOperation({
    summary: 'What an instruction has spent on models',
    description: 'Counted by the gateway from the answers of the API. It is complete when the instruction has ended.',
  })
  @ApiResponse({ status: 200, type: SpendDto, description: 'So far, or in all' })
  async get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<SpendDto> {
    const { containerId, budgetUsd } = await this.instructions.find(principal, id);
    const container = await this.containers.find(principal, containerId);
    return this.reports.ofInstruction(id, budgetUsd, await this.secrets.isMetered(container));
  }
}
