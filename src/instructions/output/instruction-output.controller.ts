import { Controller, Get, Headers, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Requires } from '../../auth/requires.js';
import type { Principal } from '../../auth/principal.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { ApiErrors } from '../../http/api-errors.js';
import { clientSignal } from '../../http/client-signal.js';
import { InstructionEventsQuery } from '../api/dto/instructions.query.js';
import { InstructionsService } from '../api/instructions.service.js';
import { DiffStorage } from '../follow/diff-storage.js';
import { type EventFormat, formatPages, NDJSON, SSE, TEXT } from './event-formats.js';
import { EventFeed } from './event-feed.js';
import { writeStream } from '../../http/write-stream.js';

const NO_CONTENT = 204;

@ApiTags('instructions')
@ApiBearerAuth()
@Controller('api/instructions')
export class InstructionOutputController {
  constructor(
    private readonly instructions: InstructionsService,
    private readonly feed: EventFeed,
    private readonly diffs: DiffStorage,
  ) {}

  @Get(':id/events')
  @Requires('instruction:read')
  @ApiOperation({
    summary:
      'The output of Claude Code as events: newline-delimited JSON, server-sent events with Accept: text/event-stream, or text for people with format=text',
  })
  @ApiProduces(NDJSON.contentType, SSE.contentType, TEXT.contentType)
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'As the parameter after; the greater of the two counts',
  })
  @ApiResponse({ status: 200, type: String, description: 'One {"seq","event"} on each line' })
  @ApiResponse({
    status: 204,
    description: 'Server-sent events: the instruction has ended and there are no further events',
  })
  async events(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Query() query: InstructionEventsQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const row = await this.instructions.find(principal, id);
    const format = formatOf(query.format, request.headers.accept);
    const lastSeen = /^\d{1,10}$/.test(lastEventId ?? '') ? Number(lastEventId) : 0;
    const after = Math.max(query.after, lastSeen);
    // 204 keeps a browser's EventSource from reconnecting.
    if (format === SSE && row.finishedAt !== null && after >= row.lastSeq)
      return void response.status(NO_CONTENT).end();
    const signal = clientSignal(request);
    response
      .status(200)
      .setHeader('Cache-Control', 'no-store')
      .setHeader('X-Accel-Buffering', 'no')
      .type(format.contentType)
      .flushHeaders();
    const pages = this.feed.read({ instructionId: row.id, after, follow: query.follow, signal });
    await writeStream(formatPages(pages, format), response, signal);
  }

  @Get(':id/diff')
  @Requires('instruction:read')
  @ApiOperation({ summary: 'What the instruction changed in the repository, including new files' })
  @ApiProduces('text/x-diff')
  @ApiResponse({
    status: 200,
    description: 'A patch for git apply; the header X-Diff-Truncated is true when it was too large',
    content: { 'text/x-diff': { schema: { type: 'string' } } },
  })
  @ApiErrors('invalid_state')
  async diff(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Res() response: Response,
  ): Promise<void> {
    const row = await this.instructions.find(principal, id);
    if (row.finishedAt === null) {
      throw new DomainError(
        'invalid_state',
        `The instruction is ${row.status}; its changes are available when it has ended.`,
        { extensions: { currentStatus: row.status } },
      );
    }
    const signal = clientSignal(response.req);
    response.status(200).setHeader('X-Diff-Truncated', String(row.diffTruncated)).type('text/x-diff');
    await writeStream(this.diffs.read(row.id), response, signal);
  }
}

const FORMATS: Record<NonNullable<InstructionEventsQuery['format']>, EventFormat> = {
  ndjson: NDJSON,
  sse: SSE,
  text: TEXT,
};

function formatOf(wanted: InstructionEventsQuery['format'], accept: string | undefined): EventFormat {
  if (wanted !== undefined) return FORMATS[wanted];
  return accept?.includes(SSE.contentType) ? SSE : NDJSON;
}
