import { Controller, Delete, Get, HttpCode, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AuditLog } from '../auth/audit/audit-log.js';
import { ApiErrors, PROGRAM_ERRORS } from '../http/api-errors.js';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import type { Principal } from '../auth/principal.js';
import { ContainersService } from '../containers/containers.service.js';
import { TerminalListDto } from './dto/terminal.dto.js';
import { TerminalHub } from './terminal-hub.js';

@ApiTags('terminals')
@ApiBearerAuth()
@Controller('api/containers')
export class TerminalsController {
  constructor(
    private readonly containers: ContainersService,
    private readonly hub: TerminalHub,
    private readonly audit: AuditLog,
  ) {}

  @Get(':id/terminals')
  @Requires('container:terminal')
  @ApiOperation({ summary: 'List the terminals of a container; they are opened over Socket.io' })
  @ApiResponse({ status: 200, type: TerminalListDto, description: 'Its terminals; none while it does not run' })
  @ApiErrors('terminal_unavailable', ...PROGRAM_ERRORS)
  async list(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<TerminalListDto> {
    const terminals = await this.hub.list(await this.containers.find(principal, id));
    return {
      items: terminals.map(({ id: terminalId, size, title, startedAt, lastUsedAt, clients }) => ({
        terminalId,
        cols: size.columns,
        rows: size.rows,
        title,
        startedAt: startedAt.toISOString(),
        lastUsedAt: lastUsedAt.toISOString(),
        clients,
      })),
    };
  }

  @Delete(':id/terminals/:terminalId')
  @Requires('container:terminal')
  @HttpCode(204)
  @ApiOperation({ summary: 'End a terminal and its processes' })
  @ApiResponse({ status: 204, description: 'It has ended' })
  @ApiErrors('terminal_not_found', 'terminal_unavailable', ...PROGRAM_ERRORS)
  async end(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('terminalId') terminalId: string,
  ): Promise<void> {
    const row = await this.containers.find(principal, id);
    await this.audit.recordTerminal('terminal.close', row, terminalId);
    await this.hub.end(row, terminalId);
  }
}
