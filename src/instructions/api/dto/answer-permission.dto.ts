import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { PERMISSION_DECISIONS, type PermissionDecision } from '../../../persistence/types.js';

/** The answer to a permission request of the agent. */
export class AnswerPermissionDto {
  @ApiProperty({ enum: PERMISSION_DECISIONS, description: 'Whether the agent may use the tool.' })
  @IsIn(PERMISSION_DECISIONS)
  decision: PermissionDecision;

  @ApiProperty({
    required: false,
    maxLength: 2000,
    description: 'The reason that the agent receives when it is denied.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  message?: string;
}
