import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ApiErrors } from '../../http/api-errors.js';
import { clientSignal } from '../../http/client-signal.js';
import { jsonOrNdjson, NDJSON_TYPE } from '../../http/ndjson.js';
import { writeStream } from '../../http/write-stream.js';
import type { Principal } from '../principal.js';
import { CurrentPrincipal, Requires } from '../requires.js';
import { AuditEventDto, AuditEventPageDto, AuditQueryDto } from './audit.dto.js';
import { AuditService } from './audit.service.js';

@ApiTags('audit')
@ApiBearerAuth()
@ApiExtraModels(AuditEventDto, AuditEventPageDto)
@Controller('api/audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @Requires('audit:read')
  @ApiOperation({
    summary:
      'Who did what, latest first: a page, or all of it as newline-delimited JSON with Accept: application/x-ndjson or format=ndjson',
    description: 'Administrators see every event, owners those of their projects.',
  })
  @ApiProduces('application/json', NDJSON_TYPE)
  @ApiResponse({
    status: 200,
    description: 'The events; as newline-delimited JSON one on each line',
    content: jsonOrNdjson(AuditEventPageDto),
  })
  @ApiErrors('project_not_found')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() query: AuditQueryDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AuditEventPageDto | undefined> {
    const isStream =
      query.format === undefined ? request.headers.accept?.includes(NDJSON_TYPE) : query.format === 'ndjson';
    if (isStream !== true) return this.audit.list(principal, query);
    const lines = this.audit.export(principal, query);
    response.status(200).setHeader('Cache-Control', 'no-store').type(NDJSON_TYPE);
    await writeStream(lines, response, clientSignal(request));
    return undefined;
  }
}
