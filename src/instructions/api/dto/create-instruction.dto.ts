import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsNumber, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { IsId } from '../../../http/validation/is-id.js';
import { LIMITS } from '../../../common/limits.js';
import { BudgetProperty } from '../../../containers/dto/rules/budget.js';
import { IsForbiddenUnless } from '../../../containers/dto/rules/forbidden-unless.js';
import { IsPrompt, MAX_PROMPT_BYTES } from './rules/prompt.js';

/** A prompt for Claude Code, and the limits of its execution. */
export class CreateInstructionDto {
  @ApiProperty({
    description: `What Claude Code is to do, in at most ${MAX_PROMPT_BYTES} bytes of UTF-8.`,
    minLength: 1,
    maxLength: MAX_PROMPT_BYTES,
    example: 'Run the tests and fix what fails.',
  })
  @IsPrompt()
  prompt: string;

  @ApiProperty({ required: false, format: 'uuid', description: 'The session to continue; a new one by default.' })
  @IsOptional()
  @IsId()
  sessionId?: string;

  @ApiProperty({
    type: Boolean,
    required: false,
    default: false,
    description: "Continue the container's latest session.",
  })
  @IsBoolean()
  @IsForbiddenUnless(
    (dto: CreateInstructionDto) => dto.continue === false || (dto.sessionId ?? null) === null,
    'is only allowed without sessionId',
  )
  continue = false;

  @ApiProperty({
    required: false,
    maxLength: 200,
    pattern: '^[A-Za-z0-9][A-Za-z0-9._:/@\\[\\]-]*$',
    example: 'sonnet',
    description: "A model's name or alias, as claude --model takes it.",
  })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._:/@[\]-]*$/, { message: 'model must be the name of a model' })
  model?: string;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: 100_000,
    description: 'Turns after which the instruction fails.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100_000)
  maxTurns?: number;

  @ApiProperty({
    type: Number,
    required: false,
    minimum: 0.000_001,
    maximum: 1_000_000,
    description:
      'Cost in US dollars after which the instruction fails, as Claude Code counts it. Works with any credential; see budgetUsd.',
  })
  @IsOptional()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0.000_001)
  @Max(1_000_000)
  maxBudgetUsd?: number;

  @BudgetProperty(
    'US dollars that it may spend on models, as the egress gateway counts them; then it fails with budget_exceeded.',
  )
  budgetUsd?: number | null;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: LIMITS.instructionTimeoutSeconds,
    description: 'Seconds after which the instruction times out; the setting INSTRUCTION_TIMEOUT_SECONDS by default.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMITS.instructionTimeoutSeconds)
  timeoutSeconds?: number;

  @ApiProperty({
    type: Boolean,
    required: false,
    default: false,
    description: 'Start the container when it is not running.',
  })
  @IsBoolean()
  startIfStopped = false;
}
