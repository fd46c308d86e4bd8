import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiOperation, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import type { Principal } from '../auth/principal.js';
import { ContainersService } from '../containers/containers.service.js';
import { ApiErrors, ENGINE_ERRORS } from '../http/api-errors.js';
import { MetricsDto, MetricsHistoryDto } from '../usage/metrics.dto.js';
import { MetricsQuery, windowMs } from './dto/metrics.query.js';
import { MetricsHub } from './sampling/metrics-hub.js';

@ApiTags('metrics')
@ApiBearerAuth()
@ApiExtraModels(MetricsDto, MetricsHistoryDto)
@Controller('api/containers')
export class MetricsController {
  constructor(
    private readonly containers: ContainersService,
    private readonly hub: MetricsHub,
  ) {}

  @Get(':id/metrics')
  @Requires('container:read')
  @ApiOperation({ summary: 'The current usage of a running container, or with window its recent usage' })
  @ApiResponse({
    status: 200,
    description: 'One sample; with window, the samples of that time span.',
    schema: { oneOf: [{ $ref: getSchemaPath(MetricsDto) }, { $ref: getSchemaPath(MetricsHistoryDto) }] },
  })
  @ApiErrors('invalid_state', ...ENGINE_ERRORS)
  async metrics(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Query() query: MetricsQuery,
  ): Promise<MetricsDto | MetricsHistoryDto> {
    const row = await this.containers.find(principal, id);
    return query.window === undefined
      ? this.hub.now(row)
      : { containerId: row.id, points: this.hub.history(row.id, windowMs(query.window)) };
  }
}
