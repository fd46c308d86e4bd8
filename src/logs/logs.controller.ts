import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import type { Principal } from '../auth/principal.js';
import { ContainersService } from '../containers/containers.service.js';
import type { LogRecord } from '../drivers/workspace-logs.js';
import { ApiErrors, ENGINE_ERRORS } from '../http/api-errors.js';
import { jsonOrNdjson, NDJSON_TYPE } from '../http/ndjson.js';
import { LogLineDto, LogLinesDto } from './dto/log-lines.dto.js';
import { LogsQuery } from './dto/logs.query.js';
import { followAsNdjson } from './follow-ndjson.js';
import { LogHub, readFailure, requireOutput } from './log-hub.js';

@ApiTags('logs')
@ApiBearerAuth()
@ApiExtraModels(LogLineDto, LogLinesDto)
@Controller('api/containers')
export class LogsController {
  constructor(
    private readonly containers: ContainersService,
    private readonly hub: LogHub,
  ) {}

  @Get(':id/logs')
  @Requires('container:read')
  @ApiOperation({
    summary:
      "What happened in the container, and whatever was written to its main process's output; with follow=true or Accept: application/x-ndjson as a stream",
  })
  @ApiProduces('application/json', NDJSON_TYPE)
  @ApiResponse({
    status: 200,
    description: 'The last lines; as a stream one JSON object on each line',
    content: jsonOrNdjson(LogLinesDto),
  })
  @ApiErrors('invalid_state', ...ENGINE_ERRORS)
  async logs(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Query() query: LogsQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<LogLinesDto | undefined> {
    const row = await this.containers.find(principal, id);
    const toLine = query.timestamps
      ? (record: LogRecord): LogLineDto => record
      : ({ stream, message, source }: LogRecord): LogLineDto => ({ stream, message, source });
    if (query.follow || request.headers.accept?.includes(NDJSON_TYPE)) {
      const wake = { up: (): void => undefined };
      const log = await this.hub.join(row, query.tail, query.stream, () => wake.up(), query.source);
      response.status(200).type(NDJSON_TYPE);
      await followAsNdjson(log, wake, response, toLine);
      return undefined;
    }
    const reading = this.hub.history(requireOutput(row), query.tail, query.stream, {
      since: query.since,
      until: query.until,
      source: query.source,
    });
    const records = await reading.catch((error: unknown) => {
      throw readFailure(row, error);
    });
    return { lines: records.map(toLine) };
  }
}
