import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { IsTimestamp } from '../../http/validation/is-timestamp.js';
import { QueryBoolean } from '../../http/validation/query-boolean.js';
import { toTimestamp } from '../../drivers/timestamp.js';
import { MAX_TAIL } from '../log-hub.js';
import type { StreamFilter } from '../log-subscription.js';

/** Excludes leap seconds and years beyond 9999. */
function canBePassedToEngine(timestamp: string): boolean {
  try {
    return toTimestamp(timestamp) !== '';
  } catch {
    return false;
  }
}

export class LogsQuery {
  @ApiProperty({
    type: 'integer',
    required: false,
    default: 200,
    minimum: 0,
    maximum: MAX_TAIL,
    description: 'How many of the last lines.',
  })
  @IsOptional()
  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(0)
  @Max(MAX_TAIL)
  tail = 200;

  @ApiProperty({
    required: false,
    format: 'date-time',
    description: 'Only lines from then on (RFC 3339); not of a stream.',
  })
  @IsOptional()
  @IsTimestamp(canBePassedToEngine)
  since?: string;

  @ApiProperty({
    required: false,
    format: 'date-time',
    description: 'Only lines up to then (RFC 3339); not of a stream.',
  })
  @IsOptional()
  @IsTimestamp(canBePassedToEngine)
  until?: string;

  @ApiProperty({ required: false, enum: ['all', 'stdout', 'stderr'], default: 'all', description: 'Which output.' })
  @IsOptional()
  @IsIn(['all', 'stdout', 'stderr'])
  stream: StreamFilter = 'all';

  @ApiProperty({
    type: String,
    required: false,
    maxLength: 32,
    description:
      'Only lines that begin with [source]: workspace, clone, editor, terminal, instruction, exec, or what a program of yours writes',
  })
  @IsOptional()
  @IsString()
  @MaxLength(32)
  source?: string;

  @ApiProperty({ type: Boolean, required: false, default: true, description: 'false leaves the timestamps out.' })
  @IsOptional()
  @QueryBoolean()
  @IsIn([true, false])
  timestamps = true;

  @ApiProperty({
    type: Boolean,
    required: false,
    default: false,
    description: 'true streams one JSON object a line, until the client disconnects.',
  })
  @IsOptional()
  @QueryBoolean()
  @IsIn([true, false])
  follow = false;
}
