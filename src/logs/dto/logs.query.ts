import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsRFC3339, Max, Min } from 'class-validator';
import { QueryBoolean } from '../../common/query-boolean.js';
import { LONGEST_TAIL } from '../log-hub.js';
import type { StreamFilter } from '../log-subscription.js';

export class LogsQuery {
  @ApiProperty({ type: 'integer', required: false, default: 200, minimum: 0, maximum: LONGEST_TAIL })
  @IsOptional()
  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(0)
  @Max(LONGEST_TAIL)
  tail = 200;

  @ApiProperty({ required: false, description: 'RFC 3339' })
  @IsOptional()
  @IsRFC3339()
  since?: string;

  @ApiProperty({ required: false, description: 'RFC 3339' })
  @IsOptional()
  @IsRFC3339()
  until?: string;

  @ApiProperty({ required: false, enum: ['all', 'stdout', 'stderr'], default: 'all' })
  @IsOptional()
  @IsIn(['all', 'stdout', 'stderr'])
  stream: StreamFilter = 'all';

  @ApiProperty({ type: Boolean, required: false, default: true, description: 'false leaves the timestamps out' })
  @IsOptional()
  @QueryBoolean()
  @IsIn([true, false])
  timestamps = true;

  @ApiProperty({ type: Boolean, required: false, default: false, description: 'true streams one JSON line a record' })
  @IsOptional()
  @QueryBoolean()
  @IsIn([true, false])
  follow = false;
}
