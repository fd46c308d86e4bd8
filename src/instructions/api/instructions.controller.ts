import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Requires } from '../../auth/requires.js';
import type { Principal } from '../../auth/principal.js';
import { ApiErrors, ENGINE_ERRORS, PROGRAM_ERRORS } from '../../http/api-errors.js';
import { clientSignal } from '../../http/client-signal.js';
import { parseIdempotencyKey } from '../../http/request-preferences.js';
import { AnswerPermissionDto } from './dto/answer-permission.dto.js';
import { CreateInstructionDto } from './dto/create-instruction.dto.js';
import { InstructionDto, InstructionPageDto } from './dto/instruction.dto.js';
import { ListAllInstructionsQuery, ListInstructionsQuery } from './dto/instructions.query.js';
import { InstructionCancellation } from './instruction-cancellation.js';
import { InstructionPermissionsService } from './instruction-permissions.service.js';
import { InstructionView } from './instruction-view.js';
import { InstructionsService } from './instructions.service.js';

const LOCATION = { Location: { description: 'Path of the instruction', schema: { type: 'string' } } } as const;
/** Bodies that can be sent as they are. */
const INSTRUCTION_EXAMPLES = {
  prompt: { summary: 'A prompt', value: { prompt: 'Run the tests and fix what fails.' } },
  bounded: {
    summary: "With bounds, in the container's latest session",
    value: {
      prompt: 'Now write a changelog entry.',
      continue: true,
      maxTurns: 20,
      maxBudgetUsd: 1,
      timeoutSeconds: 600,
    },
  },
};
const ANSWER_EXAMPLES = {
  allow: { summary: 'Allow', value: { decision: 'allow' } },
  deny: { summary: 'Deny, with a reason for the agent', value: { decision: 'deny', message: 'Work on a branch.' } },
};

@ApiTags('instructions')
@ApiBearerAuth()
@Controller('api')
export class InstructionsController {
  constructor(
    private readonly instructions: InstructionsService,
    private readonly cancellation: InstructionCancellation,
    private readonly permissions: InstructionPermissionsService,
    private readonly view: InstructionView,
  ) {}

  @Post('containers/:id/instructions')
  @Requires('instruction:drive')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Instruct Claude Code; instructions of a container run one at a time, in order of acceptance',
  })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'A repeated request with the same key and body returns the same instruction; 255 characters at most',
  })
  @ApiBody({ type: CreateInstructionDto, examples: INSTRUCTION_EXAMPLES })
  @ApiResponse({ status: 202, type: InstructionDto, description: 'Accepted', headers: LOCATION })
  @ApiErrors('quota_exceeded', 'invalid_state', 'no_claude_code', 'idempotency_key_reused', 'busy', ...ENGINE_ERRORS)
  async create(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Body() body: CreateInstructionDto,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InstructionDto> {
    const instruction = await this.instructions.create(principal, container, body, parseIdempotencyKey(idempotencyKey));
    response.location(`/api/instructions/${instruction.id}`);
    return instruction;
  }

  @Get('containers/:id/instructions')
  @Requires('instruction:read')
  @ApiOperation({ summary: "A container's instructions, latest first" })
  @ApiResponse({ status: 200, type: InstructionPageDto, description: 'One page' })
  list(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Query() query: ListInstructionsQuery,
  ): Promise<InstructionPageDto> {
    return this.instructions.list(principal, container, query);
  }

  @Get('instructions')
  @Requires('instruction:read')
  @ApiOperation({ summary: 'The instructions of all containers, latest first' })
  @ApiResponse({ status: 200, type: InstructionPageDto, description: 'One page' })
  @ApiErrors('container_not_found', 'ambiguous_name', 'project_not_found')
  listAll(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ListAllInstructionsQuery,
  ): Promise<InstructionPageDto> {
    return this.instructions.listAll(principal, query);
  }

  @Get('instructions/:id')
  @Requires('instruction:read')
  @ApiOperation({ summary: 'One instruction' })
  @ApiResponse({ status: 200, type: InstructionDto, description: 'The instruction' })
  get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<InstructionDto> {
    return this.instructions.get(principal, id);
  }

  @Post('instructions/:id/cancel')
  @Requires('instruction:drive')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel a queued or running instruction; answers when it has ended, after 20 s at most' })
  @ApiResponse({ status: 200, type: InstructionDto, description: 'Its new state; unchanged when it had ended' })
  @ApiErrors(...ENGINE_ERRORS)
  async cancel(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<InstructionDto> {
    return this.view.one(
      await this.cancellation.cancel(await this.instructions.find(principal, id), clientSignal(request)),
    );
  }

  @Post('instructions/:id/permissions/:requestId')
  @Requires('instruction:drive')
  @HttpCode(200)
  @ApiOperation({ summary: 'Answer a permission request' })
  @ApiBody({ type: AnswerPermissionDto, examples: ANSWER_EXAMPLES })
  @ApiResponse({ status: 200, type: InstructionDto, description: 'The instruction without this request' })
  @ApiErrors('permission_not_found', 'permission_answered', ...PROGRAM_ERRORS)
  async answer(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('requestId') requestId: string,
    @Body() body: AnswerPermissionDto,
  ): Promise<InstructionDto> {
    await this.permissions.answer(await this.instructions.find(principal, id), requestId, body);
    return this.instructions.get(principal, id);
  }
}
