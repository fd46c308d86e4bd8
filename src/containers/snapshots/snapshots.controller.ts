import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../auth/principal.js';
import { CurrentPrincipal, Requires } from '../../auth/requires.js';
import { ApiErrors, ENGINE_ERRORS } from '../../http/api-errors.js';
import { CountsAsCreate } from '../../rate-limits/counts-as-create.js';
import { ListSnapshotsQuery, SnapshotDto, SnapshotListDto, toSnapshotDto } from './snapshot.dto.js';
import { SnapshotsService } from './snapshots.service.js';

@ApiTags('snapshots')
@ApiBearerAuth()
@Controller('api')
export class SnapshotsController {
  constructor(private readonly snapshots: SnapshotsService) {}

  @Post('containers/:id/snapshots')
  @Requires('container:update')
  @CountsAsCreate()
  @ApiOperation({
    summary: 'Save the files of a container',
    description:
      'Those at /workspace, of the home directory, of the system and the sessions of Claude Code, all as of one moment. The container may run; it stands still for that moment. Answered when the snapshot is complete.',
  })
  @ApiResponse({ status: 201, type: SnapshotDto, description: 'The snapshot' })
  @ApiErrors('quota_exceeded', 'snapshot_not_supported', 'invalid_state', 'busy', 'out_of_disk', ...ENGINE_ERRORS)
  async create(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<SnapshotDto> {
    return toSnapshotDto(await this.snapshots.create(principal, id));
  }

  @Get('containers/:id/snapshots')
  @Requires('container:read')
  @ApiOperation({ summary: 'List the snapshots of a container, latest first' })
  @ApiResponse({ status: 200, type: SnapshotListDto, description: 'All of them' })
  async listOf(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<SnapshotListDto> {
    return { items: (await this.snapshots.listOf(principal, id)).map(toSnapshotDto) };
  }

  @Get('snapshots')
  @Requires('container:read')
  @ApiOperation({ summary: 'List the snapshots of all containers, deleted ones included, latest first' })
  @ApiResponse({ status: 200, type: SnapshotListDto, description: 'All of them' })
  @ApiErrors('project_not_found')
  async list(@CurrentPrincipal() principal: Principal, @Query() query: ListSnapshotsQuery): Promise<SnapshotListDto> {
    return { items: (await this.snapshots.list(principal, query.projectId)).map(toSnapshotDto) };
  }

  @Delete('snapshots/:id')
  @Requires('container:delete')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a snapshot; containers that were made of it keep their files' })
  @ApiResponse({ status: 204, description: 'It is deleted' })
  @ApiErrors('snapshot_in_use', ...ENGINE_ERRORS)
  remove(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.snapshots.remove(principal, id);
  }
}
