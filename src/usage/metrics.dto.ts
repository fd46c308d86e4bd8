import { ApiProperty, OmitType } from '@nestjs/swagger';
import { AGENT_STATES, AgentDto, type AgentStateName } from '../agent-state/agent.dto.js';

class CpuDto {
  @ApiProperty({ description: 'As docker stats shows it: 100 is one core.' }) percent: number;
  @ApiProperty({ description: 'What the limit allows: 200 for two cores.' }) limitPercent: number;
}

class MemoryDto {
  @ApiProperty({ description: 'MiB, without reclaimable page cache.' }) usedMB: number;
  @ApiProperty({ description: 'MiB.' }) limitMB: number;
  @ApiProperty() percent: number;
}

class DiskDto {
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'MiB of workspace and writable layer; null until it was measured.',
  })
  usedMB: number | null;
  @ApiProperty({ description: 'MiB.' }) limitMB: number;
  @ApiProperty({ type: Number, nullable: true }) percent: number | null;
}

class NetworkDto {
  @ApiProperty() rxBytes: number;
  @ApiProperty() txBytes: number;
  @ApiProperty() rxBytesPerSecond: number;
  @ApiProperty() txBytesPerSecond: number;
}

/** {@link AgentDto}, or no more than that Claude Code runs. */
export class AgentPresenceDto extends OmitType(AgentDto, ['state']) {
  @ApiProperty({ enum: AGENT_STATES, nullable: true }) state: AgentStateName | null;
}

/** What a container uses. */
export class MetricsDto {
  @ApiProperty({ format: 'uuid' }) containerId: string;
  @ApiProperty({ format: 'date-time' }) timestamp: string;
  @ApiProperty({ type: CpuDto }) cpu: CpuDto;
  @ApiProperty({ type: MemoryDto }) memory: MemoryDto;
  @ApiProperty({ type: DiskDto }) disk: DiskDto;
  @ApiProperty({ type: NetworkDto }) network: NetworkDto;
  @ApiProperty() pids: number;
  @ApiProperty({
    type: AgentPresenceDto,
    nullable: true,
    description:
      'As agent of the container. While that is not known: whether Claude Code runs, with state null; null where not even processes can be seen.',
  })
  agent: AgentPresenceDto | null;
}

/** The samples of a time span, oldest first. */
export class MetricsHistoryDto {
  @ApiProperty() containerId: string;
  @ApiProperty({ type: [MetricsDto] }) points: MetricsDto[];
}
