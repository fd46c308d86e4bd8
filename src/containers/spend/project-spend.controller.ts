import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../auth/principal.js';
import { ProjectsService } from '../../auth/projects/projects.service.js';
import { CurrentPrincipal, Requires } from '../../auth/requires.js';
import { ProjectSpendDto, ProjectSpendQuery } from '../../spend/spend.dto.js';
import { SpendReports } from '../../spend/spend-reports.js';

@ApiTags('spend')
@ApiBearerAuth()
@Controller('api/projects/:id/spend')
export class ProjectSpendController {
  constructor(
    private readonly projects: ProjectsService,
    private readonly reports: SpendReports,
  ) {}

  @Get()
  @Requires('project:read')
  @ApiOperation({
    summary: 'What the containers of a project have spent on models, those that are gone included',
    description: 'By day, container, instruction or principal, and by model in each. Days are those of UTC.',
  })
  @ApiResponse({ status: 200, type: ProjectSpendDto, description: 'In the given days' })
  async get(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Query() query: ProjectSpendQuery,
  ): Promise<ProjectSpendDto> {
    return this.reports.ofProject(await this.projects.find(principal, id), query);
  }
}
