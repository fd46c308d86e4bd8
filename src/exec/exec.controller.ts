import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import type { Principal } from '../auth/principal.js';
import { ApiErrors, PROGRAM_ERRORS } from '../http/api-errors.js';
import { clientSignal } from '../http/client-signal.js';
import { ExecDto, ExecResultDto } from './dto/exec.dto.js';
import { ExecService } from './exec.service.js';

/** Bodies that can be sent as they are. */
const EXEC_EXAMPLES = {
  program: { summary: 'A program with arguments', value: { command: ['ls', '-la'] } },
  shell: {
    summary: 'A line of shell, with input',
    value: { command: ['sh', '-c', 'sort | head -n 2'], stdin: 'b\na\nc\n', timeoutSeconds: 10 },
  },
};

@ApiTags('exec')
@ApiBearerAuth()
@Controller('api/containers')
export class ExecController {
  constructor(private readonly exec: ExecService) {}

  @Post(':id/exec')
  @Requires('container:exec')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Run one command and wait for it',
    description:
      'The command runs without a shell, in a session of its own. When its time is up, or the client disconnects, it is ended with all processes that it started. Background processes of a command that ends by itself go on.',
  })
  @ApiBody({ type: ExecDto, examples: EXEC_EXAMPLES })
  @ApiResponse({ status: 200, type: ExecResultDto, description: 'The command has ended, whatever its exit code' })
  @ApiErrors('too_many_requests', ...PROGRAM_ERRORS)
  run(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body() body: ExecDto,
    @Req() request: Request,
  ): Promise<ExecResultDto> {
    return this.exec.run(principal, id, body, clientSignal(request));
  }
}
