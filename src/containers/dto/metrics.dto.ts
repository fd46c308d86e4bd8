import { ApiProperty } from '@nestjs/swagger';

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
  @ApiProperty({ type: Number, nullable: true, description: 'MiB of workspace and writable layer; null until it was measured.' }) usedMB: number | null;
  @ApiProperty({ description: 'MiB.' }) limitMB: number;
  @ApiProperty({ type: Number, nullable: true }) percent: number | null;
}

class NetworkDto {
  @ApiProperty() rxBytes: number;
  @ApiProperty() txBytes: number;
  @ApiProperty() rxBytesPerSecond: number;
  @ApiProperty() txBytesPerSecond: number;
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
    type: 'object',
    properties: { active: { type: 'boolean' }, state: { type: 'string', nullable: true }, since: { type: 'string', nullable: true } },
    nullable: true,
    description: 'Whether Claude Code runs; null where processes cannot be seen. state is null while it has not told what it does.',
  })
  agent: AgentPresence | null;
}

export interface AgentPresence {
  active: boolean;
  state: 'none' | 'idle' | 'working' | 'waiting' | null;
  since: string | null;
}
