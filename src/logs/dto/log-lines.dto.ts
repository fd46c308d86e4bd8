import { ApiProperty } from '@nestjs/swagger';

/** One line of a container's log. */
export class LogLineDto {
  @ApiProperty({
    required: false,
    description: "The engine's timestamp, RFC 3339 with nanoseconds; left out with timestamps=false.",
  })
  timestamp?: string;
  @ApiProperty({ enum: ['stdout', 'stderr'] }) stream: 'stdout' | 'stderr';
  @ApiProperty({ required: false, description: 'What the line names as its source, in brackets at its beginning.' })
  source?: string;
  @ApiProperty() message: string;
}

export class LogLinesDto {
  @ApiProperty({ type: [LogLineDto], description: 'Oldest first.' }) lines: LogLineDto[];
}
