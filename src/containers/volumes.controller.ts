import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../auth/principal.js';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import { ApiErrors, ENGINE_ERRORS } from '../http/api-errors.js';
import { ListVolumesQuery, VolumeListDto } from './dto/volume.dto.js';
import { KeptVolumes } from './lifecycle/kept-volumes.js';

@ApiTags('volumes')
@ApiBearerAuth()
@Controller('api/volumes')
export class VolumesController {
  constructor(private readonly volumes: KeptVolumes) {}

  @Get()
  @Requires('container:read')
  @ApiOperation({ summary: 'List the volumes that were kept of deleted containers, latest first' })
  @ApiResponse({ status: 200, type: VolumeListDto, description: 'All of them' })
  @ApiErrors('project_not_found', ...ENGINE_ERRORS)
  async list(@CurrentPrincipal() principal: Principal, @Query() query: ListVolumesQuery): Promise<VolumeListDto> {
    return { items: await this.volumes.list(principal, query.projectId) };
  }

  @Delete(':id')
  @Requires('container:delete')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a kept volume with its files, by id or name' })
  @ApiResponse({ status: 204, description: 'It is removed' })
  @ApiErrors('volume_in_use', ...ENGINE_ERRORS)
  remove(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.volumes.remove(principal, id);
  }
}
