import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { IsProjectId } from '../../../auth/is-project-id.js';
import { QueryBoolean } from '../../../http/validation/query-boolean.js';
import { INSTRUCTION_STATUSES, type InstructionStatus } from '../../../persistence/types.js';

const QueryNumber = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (value === '' ? value : Number(value)));

export class ListInstructionsQuery {
  @ApiProperty({ required: false, enum: INSTRUCTION_STATUSES, description: 'Only instructions in this state.' })
  @IsOptional()
  @IsIn(INSTRUCTION_STATUSES)
  status?: InstructionStatus;

  @ApiProperty({
    type: 'integer',
    required: false,
    default: 50,
    minimum: 1,
    maximum: 100,
    description: 'Instructions of one page.',
  })
  @IsOptional()
  @QueryNumber()
  @IsInt()
  @Min(1)
  @Max(100)
  limit = 50;

  @ApiProperty({ type: String, required: false, description: 'The nextCursor of the previous page.' })
  @IsOptional()
  @QueryNumber()
  @IsInt({ message: 'cursor must be the nextCursor of a previous page' })
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  cursor?: number;
}

export class ListAllInstructionsQuery extends ListInstructionsQuery {
  @ApiProperty({ type: String, required: false, description: 'Id or name of a container; all containers without it.' })
  @IsOptional()
  @IsString()
  @MaxLength(128)
  containerId?: string;

  @ApiProperty({ required: false, format: 'uuid', description: 'Only the instructions of this project.' })
  @IsOptional()
  @IsProjectId()
  projectId?: string;
}

export class InstructionEventsQuery {
  @ApiProperty({
    type: 'integer',
    required: false,
    default: 0,
    minimum: 0,
    maximum: 2_147_483_647,
    description: 'The seq of the last event received; the events after it are sent.',
  })
  @IsOptional()
  @QueryNumber()
  @IsInt()
  @Min(0)
  @Max(2_147_483_647)
  after = 0;

  @ApiProperty({
    type: Boolean,
    required: false,
    default: false,
    description: 'Continue with further events as they occur, until the instruction has ended.',
  })
  @IsOptional()
  @QueryBoolean()
  @IsIn([true, false])
  follow = false;

  @ApiProperty({
    type: String,
    required: false,
    enum: ['ndjson', 'sse', 'text'],
    description:
      'ndjson by default, sse with Accept: text/event-stream. text is for people: a line or a block for each step.',
  })
  @IsOptional()
  @IsIn(['ndjson', 'sse', 'text'])
  format?: 'ndjson' | 'sse' | 'text';
}
