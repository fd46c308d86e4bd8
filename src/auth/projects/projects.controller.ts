import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ApiErrors } from '../../http/api-errors.js';
import type { Principal } from '../principal.js';
import { CurrentPrincipal, Requires } from '../requires.js';
import {
  CREATE_PROJECT_EXAMPLES,
  CreateProjectDto,
  ProjectDto,
  ProjectListDto,
  ProjectUsageDto,
  UPDATE_PROJECT_EXAMPLES,
  UpdateProjectDto,
} from './project.dto.js';
import { ProjectsService } from './projects.service.js';

const LOCATION = { Location: { description: 'Path of the project', schema: { type: 'string' } } } as const;

@ApiTags('projects')
@ApiBearerAuth()
@Controller('api/projects')
export class ProjectsController {
  constructor(private readonly projects: ProjectsService) {}

  @Post()
  @Requires('project:manage')
  @ApiOperation({ summary: 'Make a project' })
  @ApiBody({ type: CreateProjectDto, examples: CREATE_PROJECT_EXAMPLES })
  @ApiResponse({ status: 201, type: ProjectDto, description: 'The project', headers: LOCATION })
  @ApiErrors('name_taken')
  async create(@Body() body: CreateProjectDto, @Res({ passthrough: true }) response: Response): Promise<ProjectDto> {
    const project = await this.projects.create(body);
    response.location(`/api/projects/${project.id}`);
    return project;
  }

  @Get()
  @Requires('project:read')
  @ApiOperation({ summary: 'List the projects that the caller belongs to, by name' })
  @ApiResponse({ status: 200, type: ProjectListDto, description: 'All of them' })
  async list(@CurrentPrincipal() principal: Principal): Promise<ProjectListDto> {
    return { items: await this.projects.list(principal) };
  }

  @Get(':id')
  @Requires('project:read')
  @ApiOperation({ summary: 'Get a project by id or name' })
  @ApiResponse({ status: 200, type: ProjectDto, description: 'The project' })
  get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<ProjectDto> {
    return this.projects.get(principal, id);
  }

  @Get(':id/usage')
  @Requires('project:read')
  @ApiOperation({ summary: 'What the containers of a project use, of what its quotas allow' })
  @ApiResponse({ status: 200, type: ProjectUsageDto, description: 'The use and the limit of each quota' })
  usage(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<ProjectUsageDto> {
    return this.projects.usage(principal, id);
  }

  @Patch(':id')
  @Requires('project:manage')
  @ApiOperation({
    summary: "Change a project's name, or replace all of its quotas",
    description:
      'A quota that is left out of `quotas` has no limit any more: send those that stay as well. Containers over a lower quota keep running.',
  })
  @ApiBody({ type: UpdateProjectDto, examples: UPDATE_PROJECT_EXAMPLES })
  @ApiResponse({ status: 200, type: ProjectDto, description: 'The project with its changes' })
  @ApiErrors('name_taken', 'invalid_state')
  update(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body() body: UpdateProjectDto,
  ): Promise<ProjectDto> {
    return this.projects.update(principal, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('project:manage')
  @ApiOperation({ summary: 'Remove a project without containers, with its API keys' })
  @ApiResponse({ status: 204, description: 'It is gone' })
  @ApiErrors('project_not_empty', 'invalid_state')
  remove(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.projects.remove(principal, id);
  }
}
