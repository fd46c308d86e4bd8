import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { PERMISSION_DECISIONS, type PermissionDecision } from '../../../persistence/types.js';

/** Whether the agent may do what it asks for. */
export class AnswerPermissionDto {
  @ApiProperty({ enum: PERMISSION_DECISIONS })
  @IsIn(PERMISSION_DECISIONS)
  decision: PermissionDecision;

  @ApiProperty({ required: false, maxLength: 2000, description: 'What the agent is told with a refusal.' })
  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  message?: string;
}
