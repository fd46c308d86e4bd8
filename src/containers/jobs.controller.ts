import { Controller, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import type { Principal } from '../auth/principal.js';
import { ContainersService } from './containers.service.js';
import { JobDto } from './dto/container.dto.js';

@ApiTags('jobs')
@ApiBearerAuth()
@Controller('api/jobs')
export class JobsController {
  constructor(private readonly containers: ContainersService) {}

  @Get(':id')
  @Requires('container:read')
  @ApiOperation({ summary: 'Get the state and progress of a job' })
  @ApiResponse({ status: 200, type: JobDto, description: 'The job' })
  get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<JobDto> {
    return this.containers.job(principal, id);
  }
}
