import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsInt, IsNotEmpty, IsString, Max, MaxLength, Min } from 'class-validator';
import { LIMITS } from '../../common/limits.js';
import { IsPlainText } from '../../http/validation/plain-text.js';
import { IsCommand, MAX_ARGUMENTS } from './command.js';
import { IsEnvMap } from '../../containers/dto/rules/env-map.js';

export const OUTPUT_ENCODINGS = ['utf8', 'base64'] as const;
export type OutputEncoding = (typeof OUTPUT_ENCODINGS)[number];

const MIB = 1024 * 1024;

export class ExecDto {
  @ApiProperty({
    type: [String],
    example: ['npm', 'test'],
    minItems: 1,
    maxItems: MAX_ARGUMENTS,
    description: 'The program and its arguments, without a shell',
  })
  @IsCommand()
  command: string[];

  @ApiProperty({
    type: String,
    required: false,
    default: '/workspace',
    minLength: 1,
    maxLength: 4096,
    description: 'An absolute path, or one relative to /workspace',
  })
  @IsNotEmpty()
  @MaxLength(4_096)
  @IsPlainText()
  cwd = '.';

  @ApiProperty({
    required: false,
    type: Object,
    additionalProperties: { type: 'string' },
    description: "Added to the container's own",
  })
  @IsEnvMap()
  env: Record<string, string> = {};

  @ApiProperty({ type: String, required: false, description: "The command's input, as UTF-8" })
  @IsString()
  stdin = '';

  @ApiProperty({
    type: 'integer',
    required: false,
    default: 60,
    minimum: 1,
    maximum: LIMITS.execTimeoutSeconds,
    description: 'Seconds after which the command is ended with all processes that it started',
  })
  @IsInt()
  @Min(1)
  @Max(LIMITS.execTimeoutSeconds)
  timeoutSeconds = 60;

  @ApiProperty({
    type: 'integer',
    required: false,
    default: MIB,
    minimum: 0,
    maximum: LIMITS.execOutputBytes,
    description: 'How much of each output is returned; the rest is read and dropped',
  })
  @IsInt()
  @Min(0)
  @Max(LIMITS.execOutputBytes)
  maxOutputBytes = MIB;

  @ApiProperty({
    required: false,
    enum: OUTPUT_ENCODINGS,
    default: 'utf8',
    description: 'How the outputs are encoded. In utf8, invalid bytes become U+FFFD; base64 keeps every byte',
  })
  @IsIn(OUTPUT_ENCODINGS)
  encoding: OutputEncoding = 'utf8';
}

export class ExecResultDto {
  @ApiProperty({
    type: 'integer',
    description:
      '127 for a command that was not found, 126 for one that cannot be run, 128 + n after signal n, 124 after the time-out',
  })
  exitCode: number;

  @ApiProperty()
  stdout: string;

  @ApiProperty()
  stderr: string;

  @ApiProperty({ description: 'Whether one of the outputs was longer than maxOutputBytes' })
  truncated: boolean;

  @ApiProperty({
    description: 'Whether the command ran into its time-out; it was then ended with all processes that it had started',
  })
  timedOut: boolean;

  @ApiProperty({
    type: Boolean,
    nullable: true,
    description:
      'Whether the command failed and the kernel killed a process of the container meanwhile, because its memoryLimit was reached; null where that cannot be seen, as in containers of older images',
  })
  oomKilled: boolean | null;

  @ApiProperty({ type: 'integer', description: 'How long the command ran, in milliseconds' })
  durationMs: number;
}
